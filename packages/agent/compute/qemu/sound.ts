import type { Devices } from '@thresher/api/kubevirt/devices'
import type { Draft } from './draft.ts'
import { onRootBus, slots } from './pci.ts'

/** A sound card for guests that want one to be there. Nobody hears it: VNC here carries no sound. */
export function addSound(draft: Draft, { sound }: Devices): void {
  if (!sound) return
  const audiodev = 'audio0'
  switch (sound.model || 'ich9') {
    case 'ich9':
      draft.device('ich9-intel-hda', { id: 'sound0', ...onRootBus(slots.sound) })
      draft.device('hda-duplex', { id: 'sound0-codec', bus: 'sound0.0', audiodev })
      break
    case 'ac97':
      draft.device('AC97', { id: 'sound0', audiodev, ...onRootBus(slots.sound) })
      break
    default:
      draft.refuse('spec.domain.devices.sound.model', `${JSON.stringify(sound.model)} is not a model; use ich9 or ac97`)
  }
  draft.add('-audiodev', `none,id=${audiodev}`)
}
