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
  return facts
}
