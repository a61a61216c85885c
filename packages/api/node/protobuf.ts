import { messages } from '../protobuf/messages.ts'
import { meta } from '../protobuf/meta.ts'
import { pods } from '../core/protobuf-pods.ts'

/** The messages of node.k8s.io/v1. */
export const node = messages(
  [meta, pods],
  `
  RuntimeClass { 1 metadata ObjectMeta, 2 handler string!, 3 overhead Overhead?, 4 scheduling Scheduling? }
  Overhead { 1 podFixed map<Quantity> }
  Scheduling { 1 nodeSelector map<string>, 2 tolerations Toleration[] }
`,
)
