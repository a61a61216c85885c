import type { ApiError } from '@thresher/api/error'
import { parseYaml } from './yaml.ts'
import type { YamlReply, YamlRequest } from './yaml-reader.ts'

// The program that reads large YAML documents, so that nobody else waits for them, and nobody else ends with it. It ends with
// the server that started it, when the channel between them closes.

process.on('message', ({ id, text }: YamlRequest) => process.send?.(answer(id, text)))

function answer(id: number, text: string): YamlReply {
  try {
    return { id, json: JSON.stringify(parseYaml(text)) }
  } catch (error) {
    const { reason, message } = error as ApiError
    return { id, reason, message }
  }
}
