import { useMemo, useState } from 'react'
import { createPortal } from 'react-dom'
import {
  Alert,
  Button,
  Dropdown,
  DropdownItem,
  DropdownList,
  MenuToggle,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
  TextInput,
} from '@patternfly/react-core'
import EllipsisIcon from '@patternfly/react-icons/dist/esm/icons/ellipsis-v-icon'
import { isReason } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import { keyOf } from '@thresher/client/paths'
import { useNotify } from '../app/notices.tsx'
import { useConnection, useRights } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'
import type { Action, Page } from './page.ts'

/** Above this many objects the name of the action must be typed. */
const carefulFrom = 5
const listed = 12

/** What the user may do on a page: its own actions, and deleting. */
export function useActions(page: Page): Action[] {
  const rights = useRights()
  return useMemo(() => {
    const remove: Action = {
      id: 'delete',
      title: 'delete',
      right: { verb: 'delete', group: page.kind.group, resource: page.kind.plural },
      confirm: 'deleteConfirm',
      danger: true,
      run: ({ metadata }, { client }) =>
        client
          .resource(page.kind)
          .delete(metadata.name ?? '', metadata.namespace, {
            propagationPolicy: 'Foreground',
            // Exactly this object: one that was made anew under its name is another.
            preconditions: { uid: metadata.uid },
          })
          .catch((error: unknown) => {
            if (!isReason(error, 'NotFound')) throw error
          }),
    }
    const all = page.deletable === false ? (page.actions ?? []) : [...(page.actions ?? []), remove]
    return all.filter(({ right }) => rights.mayCall(right.group, right.resource, right.verb))
  }, [page, rights])
}

/** A menu of what can be done with some objects. With one object only what it offers; with many, what one of them offers. */
export function ActionMenu(props: { objects: KubeObject[]; actions: Action[]; label?: string; startOpen?: boolean }) {
  const texts = useTexts()
  const { objects, actions, label } = props
  const [open, setOpen] = useState(props.startOpen ?? false)
  const [asked, setAsked] = useState<Action>()
  const perform = usePerform()
  const offered = actions.filter(
    (action) => !(action.ask && objects.length > 1) && objects.some((object) => action.offered?.(object) ?? true),
  )
  const choose = (action: Action) => {
    if (action.confirm) setAsked(action)
    else void perform(action, targetsOf(action, objects))
  }
  // A question that stands stays, though its objects are no longer chosen since one of them has gone.
  if (offered.length === 0 && !asked) return null
  return (
    <>
      {offered.length > 0 && (
        <Dropdown
          isOpen={open}
          onOpenChange={setOpen}
          onSelect={() => setOpen(false)}
          popperProps={{ position: 'right', appendTo: () => document.body }}
          toggle={(ref) => (
            <MenuToggle
              ref={ref}
              variant={label ? 'secondary' : 'plain'}
              isExpanded={open}
              onClick={() => setOpen(!open)}
              aria-label={label ? undefined : texts.t('actionsOf', { name: objects[0]?.metadata.name ?? '' })}
              icon={label ? undefined : <EllipsisIcon />}
            >
              {label}
            </MenuToggle>
          )}
        >
          <DropdownList>
            {offered.map((action) => (
              <DropdownItem key={action.id} isDanger={action.danger} onClick={() => choose(action)}>
                {texts.t(action.title)}
              </DropdownItem>
            ))}
          </DropdownList>
        </Dropdown>
      )}
      {asked && <Confirm action={asked} objects={targetsOf(asked, objects)} onClose={() => setAsked(undefined)} />}
    </>
  )
}

/** The menu of one row: only a button until it is asked for, since a long list draws many. */
export function RowActions({ object, actions }: { object: KubeObject; actions: Action[] }) {
  const texts = useTexts()
  const [asked, setAsked] = useState(false)
  if (asked) return <ActionMenu objects={[object]} actions={actions} startOpen />
  if (!actions.some((action) => action.offered?.(object) ?? true)) return null
  return (
    <button
      type="button"
      className="pf-v6-c-menu-toggle pf-m-plain"
      aria-haspopup="menu"
      aria-expanded={false}
      aria-label={texts.t('actionsOf', { name: object.metadata.name ?? '' })}
      onClick={() => setAsked(true)}
    >
      <EllipsisIcon />
    </button>
  )
}

/** Those of the objects that the action is for. */
export function targetsOf(action: Action, objects: KubeObject[]): KubeObject[] {
  return objects.filter((object) => action.offered?.(object) ?? true)
}

/** Carries an action out on each object, one after the other, and says how it went. */
export function usePerform(): (action: Action, objects: KubeObject[], input?: string) => Promise<void> {
  const texts = useTexts()
  const notify = useNotify()
  const connection = useConnection()
  return async (action, objects, input) => {
    const title = texts.t(action.title)
    let done = 0
    for (const object of objects) {
      try {
        await action.run(object, connection, input)
        done += 1
      } catch (error) {
        notify.failed(`${title}: ${keyOf(object)}`, error)
      }
    }
    const first = objects[0]
    if (done > 0 && first)
      notify.done(`${title}: ${done === 1 ? keyOf(first) : texts.t('countObjects', { count: done })}`)
  }
}

/** Names what will be hit and asks. The objects are those of the moment when it was asked, known by uid. */
export function Confirm(props: { action: Action; objects: KubeObject[]; onClose: () => void }) {
  const texts = useTexts()
  const perform = usePerform()
  const { action, onClose } = props
  const [objects] = useState(props.objects)
  const [typed, setTyped] = useState('')
  const [input, setInput] = useState(() => (objects[0] && action.ask ? action.ask.value(objects[0]) : ''))
  const title = texts.t(action.title)
  const careful = action.danger === true && objects.length >= carefulFrom
  const needed = String(objects.length)
  const submit = () => {
    onClose()
    void perform(action, objects, input)
  }
  return createPortal(
    <Modal isOpen variant="small" onClose={onClose} aria-labelledby="confirm-title" aria-describedby="confirm-text">
      <ModalHeader
        title={`${title}?`}
        labelId="confirm-title"
        titleIconVariant={action.danger ? 'warning' : undefined}
      />
      <ModalBody id="confirm-text">
        <p>{action.confirm && texts.t(action.confirm, { count: objects.length })}</p>
        <ul className="th-targets">
          {objects.slice(0, listed).map((object) => (
            <li key={object.metadata.uid}>{keyOf(object)}</li>
          ))}
        </ul>
        {objects.length > listed && <p>{texts.t('andMore', { count: objects.length - listed })}</p>}
        {action.ask && (
          <TextInput value={input} onChange={(_, value) => setInput(value)} aria-label={texts.t(action.ask.label)} />
        )}
        {careful && (
          <Alert isInline variant="warning" title={texts.t('typeCount', { count: objects.length })}>
            <TextInput
              value={typed}
              onChange={(_, value) => setTyped(value)}
              aria-label={texts.t('typeCount', { count: objects.length })}
            />
          </Alert>
        )}
      </ModalBody>
      <ModalFooter>
        <Button
          variant={action.danger ? 'danger' : 'primary'}
          onClick={submit}
          isDisabled={(careful && typed !== needed) || (action.ask !== undefined && input === '')}
        >
          {title}
        </Button>
        <Button variant="link" onClick={onClose}>
          {texts.t('cancel')}
        </Button>
      </ModalFooter>
    </Modal>,
    document.body,
  )
}
