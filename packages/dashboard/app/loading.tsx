import { Spinner } from '@patternfly/react-core'
import { useTexts } from '../text/text.ts'

/** Shown while a part of the dashboard is fetched. */
export function Loading() {
  const texts = useTexts()
  return (
    <div className="th-loading">
      <Spinner aria-label={texts.t('loading')} />
    </div>
  )
}
