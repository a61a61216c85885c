import type { ServedGroup, ServedResource } from './served.ts'

/** The versions of aggregated discovery that can be given, best first. */
export const aggregatedVersions = ['v2', 'v2beta1'] as const
/** One of {@link aggregatedVersions}. */
export type AggregatedVersion = (typeof aggregatedVersions)[number]

/** The media type of aggregated discovery. */
export function aggregatedType(version: AggregatedVersion): string {
  return `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`
}

/** All groups with all their resources in one document, for `/api` (the core group) or `/apis` (the others). */
export function groupDiscoveryList(groups: readonly ServedGroup[], version: AggregatedVersion): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: { name: group.name, creationTimestamp: null },
      versions: group.versions.map(({ version: name, resources }) => ({
        version: name,
        resources: resources.map(resourceDiscovery),
        freshness: 'Current',
      })),
    })),
  }
}

function resourceDiscovery(resource: ServedResource): object {
  const { plural, singular, namespaced, kind, responseKind, verbs, subresources } = resource
  return {
    resource: plural,
    responseKind,
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs,
    ...(kind?.shortNames?.length ? { shortNames: kind.shortNames } : {}),
    ...(kind?.categories?.length ? { categories: kind.categories } : {}),
    ...(subresources.length > 0
      ? {
          subresources: subresources.map(({ name, responseKind: answer, verbs: subVerbs }) => ({
            subresource: name,
            responseKind: answer,
            verbs: subVerbs,
          })),
        }
      : {}),
  }
}
