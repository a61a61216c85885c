import { Card, CardBody, CardTitle } from '@patternfly/react-core'
import CheckIcon from '@patternfly/react-icons/dist/esm/icons/check-circle-icon'
import ExclamationIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon'
import QuestionIcon from '@patternfly/react-icons/dist/esm/icons/question-circle-icon'
import type { KubeObject } from '@thresher/api/meta'
import { conditionsOf } from './condition.ts'
import { useTexts } from '../text/text.ts'

/** What controllers say of an object. */
export function Conditions({ object }: { object: KubeObject }) {
  const texts = useTexts()
  const conditions = conditionsOf(object)
  if (conditions.length === 0) return null
  return (
    <Card>
      <CardTitle component="h2">{texts.t('conditions')}</CardTitle>
      <CardBody>
        <ul className="th-conditions">
          {conditions.map((condition) => (
            <li key={condition.type}>
              <StatusIcon status={condition.status} />
              <div>
                <strong>{condition.type}</strong>
                <span className="th-condition-reason">
                  {[condition.reason, condition.lastTransitionTime && texts.ago(condition.lastTransitionTime)]
                    .filter(Boolean)
                    .join(' · ')}
                </span>
                {condition.message && <p>{condition.message}</p>}
              </div>
            </li>
          ))}
        </ul>
      </CardBody>
    </Card>
  )
}

function StatusIcon({ status }: { status: string }) {
  const texts = useTexts()
  const label = texts.find(`condition_${status}`, status)
  if (status === 'True') return <CheckIcon className="th-true" aria-label={label} role="img" />
  if (status === 'False') return <ExclamationIcon className="th-false" aria-label={label} role="img" />
  return <QuestionIcon className="th-unknown" aria-label={label} role="img" />
}
