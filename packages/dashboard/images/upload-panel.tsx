import { useRef, useState, useSyncExternalStore, type DragEvent } from 'react'
import { Alert, Button, Progress } from '@patternfly/react-core'
import type { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { keyOf } from '@thresher/client/paths'
import { failureOf } from '../app/failure.ts'
import { useConnection } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'

/** Takes the file of an image that is to be uploaded, and shows how far it is. */
export function UploadPanel({ image }: { image: VirtualMachineImage }) {
  const texts = useTexts()
  const { uploads } = useConnection()
  const input = useRef<HTMLInputElement>(null)
  const [over, setOver] = useState(false)
  const key = keyOf(image)
  const upload = useSyncExternalStore(uploads.subscribe, uploads.snapshot).get(key)
  if (image.spec.sourceType !== 'upload' || image.status?.progress === 100) return null
  const take = (file: File | undefined) => {
    if (file) void uploads.start(key, file)
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    take(event.dataTransfer.files[0])
  }
  if (upload && upload.state !== 'failed')
    return (
      <Progress
        className="th-upload"
        title={upload.fileName}
        value={upload.bytes > 0 ? Math.floor((100 * upload.sentBytes) / upload.bytes) : 0}
        helperText={texts.t(upload.state === 'waiting' ? 'uploadWaiting' : 'uploadSending', {
          sent: texts.bytes(upload.sentBytes),
          total: texts.bytes(upload.bytes),
        })}
      />
    )
  return (
    <div
      className={over ? 'th-upload th-upload-drop th-upload-over' : 'th-upload th-upload-drop'}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      {upload?.error !== undefined && (
        <Alert isInline isPlain variant="danger" title={failureOf(upload.error, texts).title}>
          {failureOf(upload.error, texts).detail}
        </Alert>
      )}
      <p>{texts.t('uploadHelp')}</p>
      <Button variant="secondary" onClick={() => input.current?.click()}>
        {texts.t('uploadChoose')}
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        aria-label={texts.t('uploadChoose')}
        onChange={({ target }) => take(target.files?.[0])}
      />
    </div>
  )
}
