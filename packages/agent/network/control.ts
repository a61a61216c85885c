import { connect } from '@thresher/ovsdb/endpoint'
import { JsonRpc } from '@thresher/ovsdb/json-rpc'

/**
 * A connection to the control socket (`--unixctl`) of a daemon of Open vSwitch or OVN. It is held open, so that its end
 * tells at once that the daemon is gone. @see ovs-appctl(8)
 */
export class Control {
  readonly #rpc: JsonRpc

  private constructor(rpc: JsonRpc) {
    this.#rpc = rpc
  }

  /** @throws {OvsdbError} `Disconnected` when no daemon listens there */
  static async connect(path: string, signal?: AbortSignal): Promise<Control> {
    return new Control(new JsonRpc(await connect(`unix:${path}`, undefined, signal)))
  }

  /** Resolves when the daemon, or this connection, has ended. */
  get closed(): Promise<unknown> {
    return this.#rpc.closed
  }

  /** Run a command such as `version` or `exit --cleanup`. @throws {OvsdbError} with what the daemon said */
  async command(line: string, signal?: AbortSignal): Promise<string> {
    const [name = '', ...args] = line.split(' ')
    const answer = await this.#rpc.request(name, args, signal)
    return typeof answer === 'string' ? answer : JSON.stringify(answer)
  }

  close(): void {
    this.#rpc.close()
  }
}
