import { Progress, ProgressMeasureLocation } from '@patternfly/react-core'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { StateLabel, bytesColumn, textColumn } from '../page/columns.tsx'
import { conditionMessage } from '../page/condition.ts'
import { UploadPanel } from '../images/upload-panel.tsx'
import { definePage } from '../page/page.ts'

/** How far an image is: ready, failed, or on its way. */
function stateOf(image: VirtualMachineImage): { state: string; why?: string } {
  const message = conditionMessage(image)
  if (image.status?.progress === 100) return { state: 'Ready' }
  if ((image.status?.failed ?? 0) > 0) return { state: 'Failed', why: message }
  return { state: image.status?.progress ? 'Downloading' : 'Pending', why: message }
}

export const images = definePage<VirtualMachineImage>({
  kind: VirtualMachineImage,
  help: 'imagesHelp',
  command:
    './thresher image import debian https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.qcow2',
  label: (image) => image.spec.displayName,
  columns: [
    {
      id: 'state',
      title: 'status',
      value: (image) => stateOf(image).state,
      cell: (image, { texts }) => {
        const { state, why } = stateOf(image)
        const progress = image.status?.progress ?? 0
        if (state === 'Downloading')
          return (
            <Progress
              value={progress}
              measureLocation={ProgressMeasureLocation.outside}
              size="sm"
              aria-label={texts.t('status')}
              className="th-progress"
            />
          )
        const tone = state === 'Ready' ? 'success' : state === 'Failed' ? 'danger' : 'info'
        return <StateLabel state={state} tone={tone} texts={texts} why={why} />
      },
    },
    bytesColumn('virtual', 'virtualSize', (image) => image.status?.virtualSize),
    bytesColumn('size', 'sizeOnDisk', (image) => image.status?.size, true),
    textColumn('url', 'source', (image) => image.spec.url ?? image.spec.pvcName ?? image.spec.sourceType, true),
  ],
  summary: (image) => <UploadPanel image={image} />,
  draft: (namespace) => ({
    metadata: { generateName: 'image-', namespace },
    spec: { displayName: '', sourceType: 'download', url: '' },
  }),
  fields: [
    { path: 'spec.displayName', label: 'name', type: 'text', required: true, placeholder: 'debian-12' },
    {
      path: 'spec.sourceType',
      label: 'source',
      type: 'select',
      required: true,
      options: [
        { value: 'download', label: 'URL' },
        { value: 'upload', label: 'Upload' },
      ],
    },
    {
      path: 'spec.url',
      label: 'url',
      type: 'text',
      required: true,
      help: 'urlHelp',
      placeholder: 'https://…/disk.qcow2',
      when: (object) => (object as VirtualMachineImage).spec.sourceType === 'download',
    },
    { path: 'spec.checksum', label: 'checksum', type: 'text', help: 'checksumHelp' },
    { path: 'spec.description', label: 'description', type: 'area' },
  ],
})
