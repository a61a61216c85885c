import { useCallback, useEffect, useRef, useState } from 'react'
import { Button, SearchInput, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core'
import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { Terminal } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { useConnection } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'
import { ConsoleState, isOn } from './console-state.tsx'
import { instancePath } from './instance-path.ts'
import { useReconnect } from './reconnect.ts'
import { documentWithSheets, withSheets } from './sheet-styles.ts'

const scrollback = 10_000
const utf8 = new TextEncoder()

/** The machine's serial console: what it has printed since the tab was opened, to be searched, and a line to type on. */
export function Serial({ machine }: { machine: VirtualMachine }) {
  const texts = useTexts()
  const { socketUrl } = useConnection()
  const frame = useRef<HTMLDivElement>(null)
  const terminal = useRef<Terminal>(undefined)
  const finder = useRef<SearchAddon>(undefined)
  const socket = useRef<WebSocket>(undefined)
  const [search, setSearch] = useState('')
  const url = socketUrl(instancePath(machine, 'console'))
  useEffect(() => {
    if (!frame.current) return
    const made = new Terminal({
      scrollback,
      cursorBlink: true,
      fontFamily: 'RedHatMono, "Red Hat Mono", "Noto Sans Mono CJK SC", monospace',
      fontSize: 14,
      screenReaderMode: true,
      documentOverride: documentWithSheets(document),
      theme: { background: '#101418', foreground: '#e3e7ea' },
    })
    const fit = new FitAddon()
    const find = new SearchAddon()
    made.loadAddon(fit)
    made.loadAddon(find)
    withSheets(document, () => made.open(frame.current!))
    fit.fit()
    made.onData((data) => {
      if (socket.current?.readyState === WebSocket.OPEN) socket.current.send(utf8.encode(data))
    })
    const resized = new ResizeObserver(() => fit.fit())
    resized.observe(frame.current)
    terminal.current = made
    finder.current = find
    return () => {
      resized.disconnect()
      made.dispose()
    }
  }, [])
  const open = useCallback(
    (up: () => void, down: () => void) => {
      const made = new WebSocket(url)
      made.binaryType = 'arraybuffer'
      made.addEventListener('open', () => {
        up()
        terminal.current?.focus()
      })
      made.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer | string>) =>
        terminal.current?.write(typeof data === 'string' ? data : new Uint8Array(data)),
      )
      made.addEventListener('close', down)
      socket.current = made
      return () => made.close()
    },
    [url],
  )
  const on = isOn(machine)
  const { link, again } = useReconnect(on, open)
  return (
    <div className="th-console">
      <Toolbar inset={{ default: 'insetNone' }}>
        <ToolbarContent>
          <ToolbarItem>
            <SearchInput
              value={search}
              placeholder={texts.t('search')}
              aria-label={texts.t('search')}
              onChange={(_, value) => {
                setSearch(value)
                finder.current?.findPrevious(value, { incremental: true })
              }}
              onClear={() => setSearch('')}
              onNextClick={() => finder.current?.findNext(search)}
              onPreviousClick={() => finder.current?.findPrevious(search)}
            />
          </ToolbarItem>
          <ToolbarItem>
            <Button variant="secondary" onClick={() => terminal.current?.clear()}>
              {texts.t('clear')}
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
      <div ref={frame} className="th-serial" data-link={link} hidden={!on} />
    </div>
  )
}
