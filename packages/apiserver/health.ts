import { textAnswer } from './request.ts'
import type { RouteHandler } from './subresource.ts'

/** One named part of /livez and /readyz. */
export interface HealthCheck {
  name: string
  /** @returns what is wrong; undefined when all is well */
  check(): string | undefined | Promise<string | undefined>
}

/** Checks that say whether requests can be answered now, not whether the process is sound. */
function isReadinessOnly(check: HealthCheck): boolean {
  return check.name !== 'ping'
}

/** /livez, /readyz and /healthz, each with its single checks below and `?verbose`. @see https://kubernetes.io/docs/reference/using-api/health-checks/ */
export function healthRoutes(checks: HealthCheck[]): RouteHandler[] {
  const live = checks.filter((check) => !isReadinessOnly(check))
  return [...route('livez', live), ...route('readyz', checks), ...route('healthz', live)]
}

function route(name: string, checks: HealthCheck[]): RouteHandler[] {
  return [
    {
      method: 'GET',
      path: `/${name}`,
      anonymous: true,
      async handle({ query }) {
        const excluded = new Set(query.getAll('exclude'))
        const wanted = checks.filter((check) => !excluded.has(check.name))
        const results = await Promise.all(wanted.map(async (check) => ({ check, problem: await check.check() })))
        const failed = results.filter((result) => result.problem !== undefined)
        if (failed.length === 0 && !query.has('verbose')) return textAnswer(200, 'ok')
        const lines = results.map(({ check, problem }) =>
          problem === undefined ? `[+]${check.name} ok` : `[-]${check.name} failed: ${problem}`,
        )
        lines.push(`${name} check ${failed.length === 0 ? 'passed' : 'failed'}`, '')
        return textAnswer(failed.length === 0 ? 200 : 500, lines.join('\n'))
      },
    },
    ...checks.map((check): RouteHandler => ({
      method: 'GET',
      path: `/${name}/${check.name}`,
      async handle() {
        const problem = await check.check()
        return problem === undefined ? textAnswer(200, 'ok') : textAnswer(500, `${check.name} failed: ${problem}`)
      },
    })),
  ]
}
