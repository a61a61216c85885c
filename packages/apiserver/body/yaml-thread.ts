import { parentPort } from 'node:worker_threads'
import type { ApiError } from '@thresher/api/error'
import { parseYaml } from './yaml.ts'
import type { YamlReply, YamlRequest } from './yaml-reader.ts'

/** The thread that reads large YAML documents, so that nobody else waits for them. */
parentPort?.on('message', ({ id, text }: YamlRequest) => parentPort?.postMessage(answer(id, text)))

function answer(id: number, text: string): YamlReply {
  try {
    return { id, json: JSON.stringify(parseYaml(text)) }
  } catch (error) {
    const { reason, message } = error as ApiError
    return { id, reason, message }
  }
}
