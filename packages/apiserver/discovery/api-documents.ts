import { createHash } from 'node:crypto'
import type { Kind } from '@thresher/api/kind'
import { gnosticDocument } from '../openapi/gnostic.ts'
import { openApiV2, swaggerJson } from '../openapi/v2.ts'
import { openApiV3 } from '../openapi/v3.ts'
import { textAnswer, type Answer, type ServerRequest } from '../request.ts'
import { aggregatedType, aggregatedVersions, groupDiscoveryList } from './aggregated.ts'
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from './group-documents.ts'
import { servedGroups, type ServedGroup, type ServedSubresource } from './served.ts'

/** A document as it is sent. */
interface Document {
  body: Buffer
  contentType: string
  etag: string
}

const json = 'application/json'
/** Asked for with an @ before the version, answered with a dot: Go refuses the @ in the media type of an answer. */
const swaggerProtobuf = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

/** What is asked, without what the connection adds. */
type Question = Pick<ServerRequest, 'path' | 'headers'> & { query?: URLSearchParams }

/**
 * The documents that say what is served: `/api`, `/apis` and below (also aggregated), `/openapi/v2`, `/openapi/v3`.
 *
 * Each is made when it is first asked for and kept until {@link forget} is called, because kinds have come or gone.
 */
export class ApiDocuments {
  readonly #kinds: () => readonly Kind[]
  readonly #subresources: () => readonly ServedSubresource[]
  readonly #version: string
  readonly #kept = new Map<string, Document | undefined>()
  #groups: ServedGroup[] | undefined

  /** @param version the product's, for readers of OpenAPI */
  constructor(kinds: () => readonly Kind[], subresources: () => readonly ServedSubresource[], version: string) {
    this.#kinds = kinds
    this.#subresources = subresources
    this.#version = version
  }

  /** Make everything anew from now on. */
  forget(): void {
    this.#kept.clear()
    this.#groups = undefined
  }

  /** The answer to a GET of one of the documents; undefined when the path names none. */
  answer({ path, headers, query }: Question): Answer | undefined {
    const clean = `/${path.split('/').filter(Boolean).join('/')}`
    const document = this.#find(clean, headerOf(headers, 'accept'))
    if (!document) return undefined
    const { body, contentType, etag } = document
    const quoted = `"${etag}"`
    const hash = query?.get('hash')
    const cacheControl = hash && hash === etag ? 'public, immutable, max-age=31536000' : 'no-cache, private'
    const answerHeaders = { etag: quoted, vary: 'Accept', 'cache-control': cacheControl }
    if (matches(headerOf(headers, 'if-none-match'), quoted))
      return { ...textAnswer(304, '', contentType), headers: answerHeaders }
    return {
      status: 200,
      contentType,
      headers: answerHeaders,
      value: () => (contentType.startsWith(json) ? (JSON.parse(body.toString()) as unknown) : body),
      chunks: () => [body],
      length: body.length,
    }
  }

  #served(): ServedGroup[] {
    this.#groups ??= servedGroups(this.#kinds(), this.#subresources())
    return this.#groups
  }

  #find(path: string, accept: string): Document | undefined {
    const [root, ...rest] = path.slice(1).split('/')
    if (root === 'openapi') return this.#openApi(path, accept)
    if (root === 'api' || root === 'apis') {
      if (rest.length === 0) return this.#roots(root, accept)
      return this.#keep(path, json, () => this.#below(root === 'api' ? ['', ...rest] : rest))
    }
    return undefined
  }

  #roots(root: 'api' | 'apis', accept: string): Document | undefined {
    const version = aggregatedVersions.find((one) => firstAccepted(accept) === one)
    const groups = () => this.#served().filter(({ name }) => (name === '') === (root === 'api'))
    if (version)
      return this.#keep(`${root} ${version}`, aggregatedType(version), () => groupDiscoveryList(groups(), version))
    return this.#keep(`/${root}`, json, () => (root === 'api' ? apiVersions : apiGroupList)(this.#served()))
  }

  #below([name, version, ...rest]: string[]): object | undefined {
    const group = this.#served().find((one) => one.name === name)
    if (!group || rest.length > 0) return undefined
    if (version === undefined) return name === '' ? undefined : apiGroup(group)
    const found = group.versions.find((one) => one.version === version)
    return found && apiResourceList(group.name, found.version, found.resources)
  }

  #openApi(path: string, accept: string): Document | undefined {
    if (path === '/openapi/v2') {
      const wantsProtobuf = /proto-openapi\.spec\.v2@v1\.0\+protobuf/.test(accept)
      if (!wantsProtobuf) return this.#keep(path, json, () => swaggerJson(openApiV2(this.#served(), this.#version)))
      return this.#keep(`${path} protobuf`, swaggerProtobuf, () =>
        gnosticDocument(openApiV2(this.#served(), this.#version)),
      )
    }
    if (path === '/openapi/v3') return this.#keep(path, json, () => this.#index())
    const [, place] = /^\/openapi\/v3\/((?:api|apis\/[^/]+)\/[^/]+)$/.exec(path) ?? []
    const found = place === undefined ? undefined : this.#places().get(place)
    if (!found) return undefined
    const { group, version, resources } = found
    return this.#keep(
      path,
      json,
      () => openApiV3(group, version, resources, this.#version),
      () => this.#hash(found),
    )
  }

  #places() {
    const places = new Map<
      string,
      { group: string; version: string; resources: ServedGroup['versions'][number]['resources'] }
    >()
    for (const { name, versions } of this.#served())
      for (const { version, resources } of versions)
        places.set(name === '' ? `api/${version}` : `apis/${name}/${version}`, { group: name, version, resources })
    return places
  }

  /** Tells documents of one group and version apart without making them. */
  #hash(place: object): string {
    return digest(JSON.stringify([this.#version, place]))
  }

  #index(): object {
    const paths = [...this.#places()].map(([place, found]) => [
      place,
      { serverRelativeURL: `/openapi/v3/${place}?hash=${this.#hash(found)}` },
    ])
    return { paths: Object.fromEntries(paths) as object }
  }

  #keep(
    key: string,
    contentType: string,
    make: () => object | string | Buffer | undefined,
    hash?: () => string,
  ): Document | undefined {
    if (!this.#kept.has(key)) {
      const made = make()
      // Paths that name nothing are not remembered: anyone can ask for any number of them.
      if (made === undefined) return undefined
      const text = Buffer.isBuffer(made) || typeof made === 'string' ? made : JSON.stringify(made)
      const body = Buffer.from(text)
      this.#kept.set(key, { body, contentType, etag: hash?.() ?? digest(body) })
    }
    return this.#kept.get(key)
  }
}

function digest(data: Buffer | string): string {
  return createHash('sha512').update(data).digest('hex').slice(0, 64).toUpperCase()
}

function headerOf(headers: ServerRequest['headers'], name: string): string {
  const value = headers[name]
  return (Array.isArray(value) ? value.join(',') : value) ?? ''
}

function matches(condition: string, etag: string): boolean {
  if (condition === '') return false
  return condition.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag)
}

/** The version of aggregated discovery that is accepted first; undefined when plain JSON is, or neither. */
function firstAccepted(accept: string): string | undefined {
  for (const item of accept.split(',')) {
    const [type = '', ...parameters] = item.split(';').map((part) => part.trim())
    if (type !== json && type !== '*/*' && type !== 'application/*') continue
    const named = new Map(parameters.map((parameter) => parameter.split('=', 2) as [string, string]))
    if (!named.has('as')) return undefined
    const version = named.get('v')
    if (
      named.get('as') === 'APIGroupDiscoveryList' &&
      named.get('g') === 'apidiscovery.k8s.io' &&
      (version === 'v2' || version === 'v2beta1')
    )
      return version
  }
  return undefined
}
