import { MigConfiguration } from '@thresher/api/devices/mig-configuration'
import { PCIDeviceClaim } from '@thresher/api/devices/pci-device-claim'
import { USBDeviceClaim } from '@thresher/api/devices/usb-device-claim'
import { Addon } from '@thresher/api/harvester/addon'
import { BlockDevice } from '@thresher/api/harvester/block-device'
import { LVMVolumeGroup } from '@thresher/api/harvester/lvm-volume-group'
import { NetworkFilesystem } from '@thresher/api/harvester/network-filesystem'
import { ResourceQuota as SnapshotQuota } from '@thresher/api/harvester/resource-quota'
import { SupportBundle } from '@thresher/api/harvester/support-bundle'
import { UpgradeLog } from '@thresher/api/harvester/upgrade-log'
import { Upgrade } from '@thresher/api/harvester/upgrade'
import { VirtualMachineImageDownloader } from '@thresher/api/harvester/virtual-machine-image-downloader'
import { VolumeRemoteBackup } from '@thresher/api/harvester/volume-remote-backup'
import { VolumeRemoteRestore } from '@thresher/api/harvester/volume-remote-restore'
import type { TypedKind } from '@thresher/api/kind'
import { VirtualMachineInstanceMigration } from '@thresher/api/kubevirt/virtual-machine-instance-migration'
import { IPPool } from '@thresher/api/loadbalancer/ip-pool'
import { LoadBalancer } from '@thresher/api/loadbalancer/load-balancer'
import { managementSwitch } from '@thresher/api/management-network'
import type { KubeObject } from '@thresher/api/meta'
import { ClusterNetwork } from '@thresher/api/network/cluster-network'
import { HostNetworkConfig } from '@thresher/api/network/host-network-config'
import { LinkMonitor } from '@thresher/api/network/link-monitor'
import { VlanConfig } from '@thresher/api/network/vlan-config'
import { notBuilt } from '@thresher/api/not-built'
import type { NotBuilt, Line } from './line.ts'

const noPartitions = 'graphics cards cannot be partitioned in this version; the card was not changed'

/** One kind whose objects are kept and not carried out; {@link NotBuilt} with that kind's types. */
function line<O extends KubeObject>(
  kind: TypedKind<O>,
  message: string,
  options: NotBuilt<O> = { condition: 'Ready' },
): Line {
  // The controller gives a line only objects of its own kind, so the narrower functions are safe.
  return { kind: kind as unknown as Line['kind'], message, ...(options as NotBuilt<KubeObject>) }
}

/** Every kind that is declared and has no controller yet, with what its objects then say: who builds one removes its line. */
export const notBuiltKinds: readonly Line[] = [
  line(
    SnapshotQuota,
    'limits of the space of snapshots have no effect in this version; delete snapshots that are not needed',
  ),
  line(VolumeRemoteBackup, 'volumes cannot be kept at a backup target in this version; export the volume to an image', {
    condition: 'Ready',
    status: () => ({ success: false }),
  }),
  line(VolumeRemoteRestore, 'volumes cannot be made from a backup target in this version; no volume was made', {
    condition: 'Ready',
    status: () => ({ success: false }),
  }),
  line(VirtualMachineInstanceMigration, notBuilt.migration, {
    condition: 'Ready',
    status: () => ({
      phase: 'Failed',
      migrationState: { completed: true, failed: true, failureReason: notBuilt.migration },
    }),
  }),
  line(VirtualMachineImageDownloader, notBuilt.imageFiles),
  line(Addon, 'add-ons cannot be enabled in this version; set spec.enabled to false', {
    condition: 'OperationFailed',
    conditionStatus: 'True',
    when: ({ spec }) => spec.enabled,
  }),
  line(SupportBundle, 'support bundles are not collected in this version; take the logs from the hosts', {
    condition: 'Initialized',
    status: () => ({ state: 'error' }),
  }),
  line(
    Upgrade,
    'upgrades are not carried out through the API in this version; bring each host to the new version by hand',
    {
      condition: 'Completed',
    },
  ),
  line(UpgradeLog, 'logs of upgrades are not collected in this version; take them from the hosts'),
  line(LoadBalancer, 'load balancers are not available in this version; no address is given out and nothing listens'),
  line(IPPool, 'address pools are not used in this version, since there are no load balancers yet', {
    condition: 'Ready',
    status: ({ status }) => ({
      total: status?.total ?? 0,
      available: status?.available ?? 0,
      lastAllocated: status?.lastAllocated ?? '',
    }),
  }),
  line(
    ClusterNetwork,
    'no uplink is set up in this version; guests on VLANs of this cluster network reach those on their own host alone, so use an overlay network between hosts',
    {
      condition: 'ready',
      when: ({ metadata }) => metadata.name !== managementSwitch,
    },
  ),
  line(VlanConfig, 'uplinks of cluster networks are not set up in this version; the host was not changed', {
    condition: 'ready',
  }),
  line(HostNetworkConfig, 'addresses of hosts on VLANs are not set up in this version; the host was not changed', {
    condition: 'ready',
  }),
  line(LinkMonitor, 'network cards of hosts are not watched in this version; see ip link on the host', {
    condition: 'ready',
  }),
  line(
    BlockDevice,
    'disks of hosts are not provisioned in this version; volumes are kept in the folder that the host was started with',
    {
      condition: 'Ready',
      status: ({ status }) => ({
        state: status?.state ?? 'Unknown',
        provisionPhase: status?.provisionPhase ?? 'Unprovisioned',
      }),
    },
  ),
  line(LVMVolumeGroup, 'volume groups are not made in this version; the disks of the host were not changed'),
  line(NetworkFilesystem, 'shared file systems are not exported in this version; use a file server in a machine'),
  line(PCIDeviceClaim, 'PCI devices cannot be set apart in this version; the host still uses the device', {
    condition: 'Ready',
    status: () => ({ passthroughEnabled: false }),
  }),
  line(USBDeviceClaim, 'USB devices cannot be set apart in this version; the host still uses the device'),
  line(MigConfiguration, noPartitions, {
    status: ({ status }) => ({ ...status, status: 'error', message: noPartitions }),
    when: ({ spec }) => spec?.enabled === true,
  }),
]
