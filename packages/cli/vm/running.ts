import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { Client } from '@thresher/client/client'
import type { Context } from '../command.ts'
import { addressOf, waitUntil } from './wait.ts'

/** Wait until a machine runs, and say where it is reached. @throws {UserError} when it takes too long */
export async function waitRunning(context: Context, client: Client, namespace: string, name: string): Promise<void> {
  const instance = await waitUntil(
    client,
    VirtualMachineInstance,
    { namespace, name },
    (one) => one?.status?.phase === 'Running',
    {
      timeoutMs: 300_000,
      what: `virtual machine ${namespace}/${name} running`,
      signal: context.signal,
    },
  )
  console.log(
    `virtual machine ${namespace}/${name} runs, address ${(instance && addressOf(instance)) ?? 'not known yet'}`,
  )
}
