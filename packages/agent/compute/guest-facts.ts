import { isIP } from 'node:net'
import type { Ask, GuestAnswer } from './guest-agent.ts'

/** What the guest's agent told when it came up. */
export interface GuestFacts {
  version: string
  supported: string[]
  os?: GuestAnswer<'guest-get-osinfo'>
  hostname?: string
  interfaces?: GuestAnswer<'guest-network-get-interfaces'>
}

/** Ask what does not change, as far as this agent knows it. @throws {GuestAgentError} */
export async function learnGuest(ask: Ask): Promise<GuestFacts> {
  const info = await ask('guest-info')
  const supported = info.supported_commands.filter(({ enabled }) => enabled).map(({ name }) => name)
  const facts: GuestFacts = { version: info.version, supported }
  if (supported.includes('guest-get-osinfo')) facts.os = await ask('guest-get-osinfo')
  if (supported.includes('guest-get-host-name')) facts.hostname = (await ask('guest-get-host-name'))['host-name']
  if (supported.includes('guest-network-get-interfaces')) facts.interfaces = await ask('guest-network-get-interfaces')
  return bounded(facts)
}

/** What of a guest's words goes on: it may say anything, and all of it ends in the store and in other people's browsers. */
const longestWord = 128
const mostEntries = 32

function bounded({ version, supported, os, hostname, interfaces }: GuestFacts): GuestFacts {
  const short = (text: string): string => text.slice(0, longestWord)
  return {
    version: short(version),
    supported: supported.slice(0, 256).map(short),
    ...(os ? { os: Object.fromEntries(Object.entries(os).map(([key, text]) => [key, short(String(text))])) } : {}),
    ...(hostname === undefined ? {} : { hostname: short(hostname) }),
    ...(interfaces
      ? {
          interfaces: interfaces.slice(0, mostEntries).map((card) => ({
            name: short(card.name),
            ...(card['hardware-address'] ? { 'hardware-address': short(card['hardware-address']) } : {}),
            'ip-addresses': (card['ip-addresses'] ?? [])
              .filter((one) => isIP(one['ip-address']) !== 0)
              .slice(0, mostEntries),
          })),
        }
      : {}),
  }
}
