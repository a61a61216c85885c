import { createContext, useCallback, useContext, useState, type ReactNode } from 'react'
import { Alert, AlertActionCloseButton, AlertGroup } from '@patternfly/react-core'
import { useTexts } from '../text/text.ts'
import { failureOf } from './failure.ts'

/** Something that has been done, or has not. */
interface Notice {
  id: number
  variant: 'success' | 'danger' | 'info'
  title: string
  detail?: string
}

/** Say what has happened, in a corner of the page. */
export interface Notify {
  done(title: string): void
  /** @param what was tried */
  failed(what: string, error: unknown): void
}

const NoticeContext = createContext<Notify>({ done() {}, failed() {} })

export function useNotify(): Notify {
  return useContext(NoticeContext)
}

const shownMs = 6000

export function NoticeProvider({ children }: { children: ReactNode }) {
  const texts = useTexts()
  const [notices, setNotices] = useState<readonly Notice[]>([])
  const drop = useCallback((id: number) => setNotices((all) => all.filter((one) => one.id !== id)), [])
  const add = useCallback((notice: Omit<Notice, 'id'>) => {
    setNotices((all) => [...all.slice(-4), { ...notice, id: (all.at(-1)?.id ?? 0) + 1 }])
  }, [])
  const done = useCallback((title: string) => add({ variant: 'success', title }), [add])
  const failed = useCallback(
    (what: string, error: unknown) => {
      const failure = failureOf(error, texts)
      const fields = Object.entries(failure.fields).map(([field, message]) => `${field}: ${message}`)
      add({
        variant: 'danger',
        title: what,
        detail: [failure.title, failure.detail, ...fields].filter(Boolean).join(' '),
      })
    },
    [add, texts],
  )
  return (
    <NoticeContext value={{ done, failed }}>
      {children}
      <AlertGroup isToast isLiveRegion>
        {notices.map(({ id, variant, title, detail }) => (
          <Alert
            key={id}
            variant={variant}
            title={title}
            timeout={variant === 'danger' ? false : shownMs}
            onTimeout={() => drop(id)}
            actionClose={<AlertActionCloseButton title={texts.t('close')} onClose={() => drop(id)} />}
          >
            {detail}
          </Alert>
        ))}
      </AlertGroup>
    </NoticeContext>
  )
}
