import type { Setting } from '@thresher/api/harvester/setting'
import { settingObjects } from '@thresher/api/harvester/settings/value'
import type { Objects } from '@thresher/apiserver/auth/objects'

const settings = { group: 'harvesterhci.io', plural: 'settings' }

/**
 * The version of Harvester whose API is served: clients ask for it and choose by it how they name and shape things.
 * Not the version of this product.
 */
export const compatibleVersion = 'v1.8.0'

/**
 * Make the settings that are missing, with values that the environment gives (`HARVESTER_<NAME>`), and keep the version current.
 * Settings that are there keep their values.
 */
export async function seedSettings(objects: Objects, environment: Record<string, string | undefined>): Promise<void> {
  for (const setting of settingObjects(compatibleVersion, environment)) {
    const name = setting.metadata.name ?? ''
    const stored = objects.get<Setting>(settings, '', name)
    if (!stored) await objects.create(settings, setting)
    else if (name === 'server-version' && stored.value !== compatibleVersion)
      await objects.update(settings, { ...stored, value: compatibleVersion })
  }
}
