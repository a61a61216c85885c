import { useCallback, useRef, useState } from 'react'
import {
  Button,
  Dropdown,
  DropdownItem,
  DropdownList,
  MenuToggle,
  Toolbar,
  ToolbarContent,
  ToolbarItem,
} from '@patternfly/react-core'
import RFB from '@novnc/novnc'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { useConnection } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'
import { ConsoleState, isOn } from './console-state.tsx'
import { combinations, keysyms, strokesOf, type Key } from './keys.ts'
import { instancePath } from './instance-path.ts'
import { PasteText } from './paste-text.tsx'
import { useReconnect } from './reconnect.ts'

/** The machine's screen. */
export function Screen({ machine }: { machine: VirtualMachine }) {
  const texts = useTexts()
  const { socketUrl } = useConnection()
  const frame = useRef<HTMLDivElement>(null)
  const rfb = useRef<RFB>(undefined)
  const [menu, setMenu] = useState(false)
  const [pasting, setPasting] = useState(false)
  const url = socketUrl(instancePath(machine, 'vnc'))
  const open = useCallback(
    (up: () => void, down: () => void) => {
      if (!frame.current) return () => {}
      const client = new RFB(frame.current, url, { shared: true })
      client.scaleViewport = true
      client.background = 'transparent'
      client.addEventListener('connect', up)
      client.addEventListener('disconnect', down)
      rfb.current = client
      return () => client.disconnect()
    },
    [url],
  )
  const on = isOn(machine)
  const { link, again } = useReconnect(on, open)
  const press = (keys: Key[]) => {
    for (const key of keys) rfb.current?.sendKey(keysyms[key], null, true)
    for (const key of keys.toReversed()) rfb.current?.sendKey(keysyms[key], null, false)
    rfb.current?.focus()
  }
  const type = (text: string) => {
    for (const { keysym, shift } of strokesOf(text)) {
      if (shift) rfb.current?.sendKey(keysyms.Shift, 'ShiftLeft', true)
      rfb.current?.sendKey(keysym, null)
      if (shift) rfb.current?.sendKey(keysyms.Shift, 'ShiftLeft', false)
    }
    rfb.current?.focus()
  }
  const picture = () =>
    rfb.current?.toBlob((blob) => {
      if (!blob) return
      const link = document.createElement('a')
      link.href = URL.createObjectURL(blob)
      link.download = `${machine.metadata.name}.png`
      link.click()
      URL.revokeObjectURL(link.href)
    })
  return (
    <div className="th-console">
      <Toolbar inset={{ default: 'insetNone' }}>
        <ToolbarContent>
          <ToolbarItem>
            <Dropdown
              isOpen={menu}
              onOpenChange={setMenu}
              onSelect={() => setMenu(false)}
              toggle={(ref) => (
                <MenuToggle
                  ref={ref}
                  isExpanded={menu}
                  onClick={() => setMenu(!menu)}
                  isDisabled={link !== 'connected'}
                >
                  {texts.t('sendKeys')}
                </MenuToggle>
              )}
            >
              <DropdownList>
                {combinations.map(({ label, keys }) => (
                  <DropdownItem key={label} onClick={() => press(keys)}>
                    {label}
                  </DropdownItem>
                ))}
              </DropdownList>
            </Dropdown>
          </ToolbarItem>
          <ToolbarItem>
            <Button variant="secondary" isDisabled={link !== 'connected'} onClick={() => setPasting(true)}>
              {texts.t('pasteText')}
            </Button>
          </ToolbarItem>
          <ToolbarItem>
            <Button variant="secondary" isDisabled={link !== 'connected'} onClick={picture}>
              {texts.t('screenshot')}
            </Button>
          </ToolbarItem>
          <ToolbarItem>
            <Button variant="secondary" onClick={() => void frame.current?.requestFullscreen()}>
              {texts.t('fullScreen')}
            </Button>
          </ToolbarItem>
        </ToolbarContent>
      </Toolbar>
      <ConsoleState on={on} link={link} onAgain={again} />
      <div ref={frame} className="th-screen" data-link={link} hidden={!on} />
      {pasting && <PasteText onText={type} onClose={() => setPasting(false)} />}
    </div>
  )
}
