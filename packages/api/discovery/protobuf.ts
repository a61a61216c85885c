import { messages } from '../protobuf/messages.ts'
import { meta } from '../protobuf/meta.ts'
import { volumes } from '../core/protobuf-volumes.ts'

/** The messages of discovery.k8s.io/v1. */
export const discovery = messages(
  [meta, volumes],
  `
  EndpointSlice { 1 metadata ObjectMeta, 2 endpoints Endpoint[], 3 ports EndpointPort[], 4 addressType string! }
  Endpoint {
    1 addresses string[], 2 conditions EndpointConditions, 3 hostname string?, 4 targetRef ObjectReference?,
    5 deprecatedTopology map<string>, 6 nodeName string?, 7 zone string?, 8 hints EndpointHints?
  }
  EndpointConditions { 1 ready bool?, 2 serving bool?, 3 terminating bool? }
  EndpointHints { 1 forZones ForZone[], 2 forNodes ForNode[] }
  ForNode { 1 name string! }
  ForZone { 1 name string! }
  EndpointPort { 1 name string?, 2 protocol string?, 3 port int32?, 4 appProtocol string? }
`,
)
