import { map, string } from '@thresher/ovsdb/column'
import { Database } from '@thresher/ovsdb/database'
import type { Endpoint, TlsFiles } from '@thresher/ovsdb/endpoint'
import { defineDatabase } from '@thresher/ovsdb/schema'
import { answerCodes, recordTypes, writeAnswer, type Question } from './dns-message.ts'

/** What is used of OVN's southbound database. @see ovn-sb(5) */
const southbound = defineDatabase('OVN_Southbound', { DNS: { records: map(string) } })

/**
 * The guests' names, as OVN has them.
 *
 * OVN itself answers questions for IPv4 addresses of these names, on the guest's own host, and passes all others on. Those
 * that are about a guest's name must not reach the outside: it would say that there is no such name, or be silent.
 */
export class GuestNames {
  readonly #database: Database<(typeof southbound)['tables']>
  readonly #domain: string

  /** @param source the southbound database; @param domain where only guests' names are, such as `thresher.internal` */
  constructor(source: { endpoints: Endpoint[]; tls?: (() => TlsFiles) | undefined }, domain: string) {
    this.#database = new Database({ schema: southbound, ...source })
    this.#domain = domain
  }

  /** The answer to a question about a guest's name; undefined when it is about something else. */
  answer(message: Buffer, question: Question): Buffer | undefined {
    const record = this.#find(question.name)
    if (record !== undefined) {
      const addresses = question.type === recordTypes.A ? record.split(' ') : []
      return writeAnswer(message, question, answerCodes.ok, addresses)
    }
    const inDomain = question.name === this.#domain || question.name.endsWith(`.${this.#domain}`)
    return inDomain ? writeAnswer(message, question, answerCodes.noSuchName) : undefined
  }

  async close(): Promise<void> {
    await this.#database.close()
  }

  #find(name: string): string | undefined {
    for (const row of this.#database.rows('DNS').values()) {
      const record = row.records[name]
      if (record !== undefined) return record
    }
    return undefined
  }
}
