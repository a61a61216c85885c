import { messages } from '../protobuf/messages.ts'
import { meta } from '../protobuf/meta.ts'

/** The messages of apiregistration.k8s.io/v1. */
export const apiregistration = messages(
  [meta],
  `
  APIService { 1 metadata ObjectMeta, 2 spec APIServiceSpec, 3 status APIServiceStatus }
  APIServiceSpec {
    1 service ServiceReference?, 2 group string, 3 version string, 4 insecureSkipTLSVerify bool, 5 caBundle bytes,
    7 groupPriorityMinimum int32!, 8 versionPriority int32!
  }
  ServiceReference { 1 namespace string, 2 name string, 3 port int32? }
  APIServiceStatus { 1 conditions APIServiceCondition[] }
  APIServiceCondition {
    1 type string!, 2 status string!, 3 lastTransitionTime Time, 4 reason string, 5 message string
  }
`,
)
