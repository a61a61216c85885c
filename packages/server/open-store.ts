import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SqliteStore } from '@thresher/apiserver/store/sqlite'
import type { Store, StoreOptions } from '@thresher/apiserver/store/store'
import type { ServerConfig } from './config.ts'

/** The store that the configuration names: etcd for several servers, else one SQLite file. @throws {StoreError} */
export async function openStore(config: ServerConfig, options: StoreOptions): Promise<Store> {
  const { dataDir, etcd, etcdTls } = config
  if (etcd.length === 0) return SqliteStore.open(join(dataDir, 'store.db'), options)
  // gRPC costs memory, and a single host has no use for it.
  const { EtcdStore } = await import('@thresher/apiserver/store/etcd')
  const read = (path: string) => readFileSync(path, 'utf8')
  const tls = etcdTls && { ca: read(etcdTls.ca), cert: read(etcdTls.cert), key: read(etcdTls.key) }
  return EtcdStore.open({ ...options, endpoints: etcd, ...(tls ? { tls } : {}) })
}
