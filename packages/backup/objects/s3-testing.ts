import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import S3rver from 's3rver'
import { S3Bucket, type S3Settings } from './s3.ts'

/** A real S3 server in a folder of its own, with one bucket. */
export interface LocalS3 extends AsyncDisposable {
  settings: S3Settings
  bucket(prefix?: string): S3Bucket
}

/** @param address one of this machine's */
export async function startLocalS3(address = '127.0.0.1'): Promise<LocalS3> {
  const directory = mkdtempSync(join(tmpdir(), 'thresher-s3-'))
  const server = new S3rver({
    address,
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: 'backups', configs: [] }],
  })
  const { port } = (await server.run()) as AddressInfo
  const settings: S3Settings = {
    endpoint: `http://${address}:${port}`,
    region: 'us-east-1',
    bucket: 'backups',
    accessKeyId: 'S3RVER',
    secretAccessKey: 'S3RVER',
  }
  const buckets: S3Bucket[] = []
  return {
    settings,
    bucket(prefix) {
      const bucket = new S3Bucket(settings, prefix)
      buckets.push(bucket)
      return bucket
    },
    async [Symbol.asyncDispose]() {
      for (const bucket of buckets) bucket.close()
      await server.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
