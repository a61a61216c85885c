import { randomInt } from 'node:crypto'
import { Node } from '@thresher/api/core/node'
import { Secret } from '@thresher/api/core/secret'
import { controlPlaneLabel } from '@thresher/api/names'
import { authorityHash, formatJoinToken } from '@thresher/agent/identity/join-token'
import { isReason } from '@thresher/api/error'
import type { Client } from '@thresher/client/client'
import type { Command, Context } from '../command.ts'
import { columns, duration } from '../output/columns.ts'
import { UserError } from '../user-error.ts'

const namespace = 'kube-system'
const secretType = 'bootstrap.kubernetes.io/token'
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'
const unitSeconds: Record<string, number | undefined> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** `thresher token create`. */
export const tokenCreate: Command = {
  path: ['token', 'create'],
  summary: 'Make a token by which further hosts join, and show the command for them',
  options: [
    { flags: '--ttl <time>', description: 'when it ends: 30m, 12h, 7d', default: '24h' },
    { flags: '--description <text>', description: 'what it is for' },
  ],
  examples: ['thresher token create', 'thresher token create --ttl 1h --description "rack 2"'],
  async run(context, _args, options) {
    const endsAt = new Date(Date.now() + secondsOf(String(options['ttl'])) * 1000)
    const [id, secret] = [random(6), random(16)]
    const description = options['description']
    const client = await context.client()
    await client.resource<Secret>(Secret).create({
      metadata: { name: `bootstrap-token-${id}`, namespace },
      type: secretType,
      stringData: {
        'token-id': id,
        'token-secret': secret,
        expiration: endsAt.toISOString().replace(/\.\d+/, ''),
        'usage-bootstrap-authentication': 'true',
        ...(typeof description === 'string' ? { description } : {}),
      },
    } as Secret)
    const token = formatJoinToken({ bearer: `${id}.${secret}`, authority: authorityHash(authorityOf(context)) })
    console.log(`thresher join ${await serverUrl(context, client)} --token ${token}`)
    console.error(`It is good until ${endsAt.toISOString()}; end it sooner with: thresher token delete ${id}`)
  },
}

/** `thresher token list`. */
export const tokenList: Command = {
  path: ['token', 'list'],
  summary: 'Show the tokens by which hosts may join',
  async run(context) {
    const tokens = await tokensOf(await context.client())
    const rows = tokens.map(({ id, endsAt, description }) => [
      id,
      Number.isNaN(endsAt) ? 'never' : `in ${duration(Math.max((endsAt - Date.now()) / 1000, 0))}`,
      description || '-',
    ])
    console.log(rows.length > 0 ? columns(['ID', 'ENDS', 'DESCRIPTION'], rows) : 'There are no tokens.')
  },
}

/** `thresher token delete`. */
export const tokenDelete: Command = {
  path: ['token', 'delete'],
  summary: 'End a token; hosts that have joined stay',
  arguments: [{ name: 'id', description: 'the part of the token before its first dot' }],
  async run(context, [given = '']) {
    const id = given.split('.')[0]!
    const client = await context.client()
    try {
      await client.resource<Secret>(Secret).delete(`bootstrap-token-${id}`, namespace)
    } catch (error) {
      if (isReason(error, 'NotFound')) throw new UserError(`there is no token ${id}; see: thresher token list`)
      throw error
    }
    console.log(`The token ${id} is no longer good.`)
  },
}

async function tokensOf(client: Client) {
  const list = await client.resource<Secret>(Secret).list({ namespace, fieldSelector: `type=${secretType}` })
  return list.items.map(({ data = {} }) => {
    const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString()
    return { id: text('token-id'), endsAt: Date.parse(text('expiration')), description: text('description') }
  })
}

function secondsOf(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const seconds = Number(count) * (unitSeconds[unit] ?? Number.NaN)
  if (!(seconds > 0)) throw new UserError(`--ttl ${text} is not a time such as 30m, 12h or 7d.`)
  return seconds
}

const random = (length: number): string => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')

function authorityOf(context: Context): string {
  const { ca } = context.connection()
  if (ca === undefined)
    throw new UserError('the kubeconfig names no authority, which a token must; use the one of the server’s host.')
  return String(ca)
}

/** Where other hosts reach the API: this host's own way may be its loopback. */
async function serverUrl(context: Context, client: Client): Promise<string> {
  const url = new URL(context.connection().server)
  if (url.hostname !== '127.0.0.1' && url.hostname !== 'localhost') return url.origin
  const nodes = await client.resource<Node>(Node).list({ labelSelector: `${controlPlaneLabel}=true` })
  const address = nodes.items[0]?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
  if (address !== undefined) url.hostname = address
  return url.origin
}
