import { MutatingWebhookConfiguration } from './admissionregistration/mutating-webhook-configuration.ts'
import {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from './admissionregistration/validating-admission-policy.ts'
import { ValidatingWebhookConfiguration } from './admissionregistration/validating-webhook-configuration.ts'
import { CustomResourceDefinition } from './apiextensions/custom-resource-definition.ts'
import { APIService } from './apiregistration/api-service.ts'
import { ControllerRevision } from './apps/controller-revision.ts'
import { DaemonSet } from './apps/daemon-set.ts'
import { Deployment } from './apps/deployment.ts'
import { ReplicaSet } from './apps/replica-set.ts'
import { StatefulSet } from './apps/stateful-set.ts'
import { Token } from './auth/token.ts'
import { User } from './auth/user.ts'
import { SelfSubjectReview } from './authentication/self-subject-review.ts'
import { TokenReview } from './authentication/token-review.ts'
import { SelfSubjectAccessReview } from './authorization/self-subject-access-review.ts'
import { SelfSubjectRulesReview } from './authorization/self-subject-rules-review.ts'
import { SubjectAccessReview, LocalSubjectAccessReview } from './authorization/subject-access-review.ts'
import { HorizontalPodAutoscaler } from './autoscaling/horizontal-pod-autoscaler.ts'
import { BackupJob } from './backup/backup-job.ts'
import { CronJob } from './batch/cron-job.ts'
import { Job } from './batch/job.ts'
import { CertificateSigningRequest } from './certificates/certificate-signing-request.ts'
import { NetworkAttachmentDefinition } from './cni/network-attachment-definition.ts'
import { Lease } from './coordination/lease.ts'
import { Binding } from './core/binding.ts'
import { ConfigMap } from './core/config-map.ts'
import { Endpoints } from './core/endpoints.ts'
import { Event } from './core/event.ts'
import { LimitRange } from './core/limit-range.ts'
import { Namespace } from './core/namespace.ts'
import { Node } from './core/node.ts'
import { PersistentVolumeClaim } from './core/persistent-volume-claim.ts'
import { PersistentVolume } from './core/persistent-volume.ts'
import { PodTemplate } from './core/pod-template.ts'
import { Pod } from './core/pod.ts'
import { ReplicationController } from './core/replication-controller.ts'
import { ResourceQuota } from './core/resource-quota.ts'
import { Secret } from './core/secret.ts'
import { ServiceAccount } from './core/service-account.ts'
import { Service } from './core/service.ts'
import { MigConfiguration } from './devices/mig-configuration.ts'
import { Node as DeviceNode } from './devices/node.ts'
import { PCIDeviceClaim } from './devices/pci-device-claim.ts'
import { PCIDevice } from './devices/pci-device.ts'
import { SRIOVGPUDevice } from './devices/sriov-gpu-device.ts'
import { SRIOVNetworkDevice } from './devices/sriov-network-device.ts'
import { USBDeviceClaim } from './devices/usb-device-claim.ts'
import { USBDevice } from './devices/usb-device.ts'
import { VGPUDevice } from './devices/vgpu-device.ts'
import { EndpointSlice } from './discovery/endpoint-slice.ts'
import { Event as EventsEvent } from './events/event.ts'
import { Addon } from './harvester/addon.ts'
import { BlockDevice } from './harvester/block-device.ts'
import { KeyPair } from './harvester/key-pair.ts'
import { LVMVolumeGroup } from './harvester/lvm-volume-group.ts'
import { NetworkFilesystem } from './harvester/network-filesystem.ts'
import { Preference } from './harvester/preference.ts'
import { ResourceQuota as SnapshotQuota } from './harvester/resource-quota.ts'
import { ScheduleVMBackup } from './harvester/schedule-vm-backup.ts'
import { Setting } from './harvester/setting.ts'
import { SupportBundle } from './harvester/support-bundle.ts'
import { UpgradeLog } from './harvester/upgrade-log.ts'
import { Upgrade } from './harvester/upgrade.ts'
import { Version } from './harvester/version.ts'
import { VirtualMachineBackup } from './harvester/virtual-machine-backup.ts'
import { VirtualMachineImageDownloader } from './harvester/virtual-machine-image-downloader.ts'
import { VirtualMachineImage } from './harvester/virtual-machine-image.ts'
import { VirtualMachineRestore } from './harvester/virtual-machine-restore.ts'
import { VirtualMachineTemplateVersion } from './harvester/virtual-machine-template-version.ts'
import { VirtualMachineTemplate } from './harvester/virtual-machine-template.ts'
import { VolumeRemoteBackup } from './harvester/volume-remote-backup.ts'
import { VolumeRemoteRestore } from './harvester/volume-remote-restore.ts'
import type { Kind } from './kind.ts'
import { KubeVirt } from './kubevirt/kube-virt.ts'
import {
  VirtualMachineInstanceMigration,
  VirtualMachineInstanceMigrationV1alpha3,
} from './kubevirt/virtual-machine-instance-migration.ts'
import { VirtualMachineInstance, VirtualMachineInstanceV1alpha3 } from './kubevirt/virtual-machine-instance.ts'
import { VirtualMachine, VirtualMachineV1alpha3 } from './kubevirt/virtual-machine.ts'
import { IPPool } from './loadbalancer/ip-pool.ts'
import { LoadBalancer } from './loadbalancer/load-balancer.ts'
import { ClusterNetwork } from './network/cluster-network.ts'
import { HostNetworkConfig } from './network/host-network-config.ts'
import { LinkMonitor } from './network/link-monitor.ts'
import { VlanConfig } from './network/vlan-config.ts'
import { VlanStatus } from './network/vlan-status.ts'
import { IngressClass } from './networking/ingress-class.ts'
import { Ingress } from './networking/ingress.ts'
import { IPAddress, ServiceCIDR } from './networking/ip-address.ts'
import { NetworkPolicy } from './networking/network-policy.ts'
import { RuntimeClass } from './node/runtime-class.ts'
import { PodDisruptionBudget } from './policy/pod-disruption-budget.ts'
import { ClusterRoleBinding } from './rbac/cluster-role-binding.ts'
import { ClusterRole } from './rbac/cluster-role.ts'
import { RoleBinding } from './rbac/role-binding.ts'
import { Role } from './rbac/role.ts'
import { PriorityClass } from './scheduling/priority-class.ts'
import { VolumeSnapshotClass } from './snapshot/volume-snapshot-class.ts'
import { VolumeSnapshotContent } from './snapshot/volume-snapshot-content.ts'
import { VolumeSnapshot } from './snapshot/volume-snapshot.ts'
import { CSIDriver } from './storage/csi-driver.ts'
import { CSINode } from './storage/csi-node.ts'
import { CSIStorageCapacity } from './storage/csi-storage-capacity.ts'
import { StorageClass } from './storage/storage-class.ts'
import { VolumeAttachment } from './storage/volume-attachment.ts'
import { VolumeAttributesClass } from './storage/volume-attributes-class.ts'

/** Every declared kind. What is only posted to a subresource of another kind (evictions, token requests) is none. */
export const kinds: Kind[] = [
  Binding,
  ConfigMap,
  Endpoints,
  Event,
  LimitRange,
  Namespace,
  Node,
  PersistentVolumeClaim,
  PersistentVolume,
  PodTemplate,
  Pod,
  ReplicationController,
  ResourceQuota,
  Secret,
  ServiceAccount,
  Service,
  Lease,
  EventsEvent,
  ClusterRoleBinding,
  ClusterRole,
  RoleBinding,
  Role,
  SelfSubjectReview,
  TokenReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  LocalSubjectAccessReview,
  ControllerRevision,
  DaemonSet,
  Deployment,
  ReplicaSet,
  StatefulSet,
  CronJob,
  Job,
  HorizontalPodAutoscaler,
  PodDisruptionBudget,
  IngressClass,
  Ingress,
  IPAddress,
  ServiceCIDR,
  NetworkPolicy,
  EndpointSlice,
  PriorityClass,
  RuntimeClass,
  CertificateSigningRequest,
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
  VolumeSnapshotClass,
  VolumeSnapshotContent,
  VolumeSnapshot,
  CustomResourceDefinition,
  APIService,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
  Token,
  User,
  KubeVirt,
  VirtualMachineInstanceMigration,
  VirtualMachineInstanceMigrationV1alpha3,
  VirtualMachineInstance,
  VirtualMachineInstanceV1alpha3,
  VirtualMachine,
  VirtualMachineV1alpha3,
  Addon,
  BackupJob,
  KeyPair,
  Preference,
  SnapshotQuota,
  ScheduleVMBackup,
  Setting,
  SupportBundle,
  UpgradeLog,
  Upgrade,
  Version,
  VirtualMachineBackup,
  VirtualMachineImageDownloader,
  VirtualMachineImage,
  VirtualMachineRestore,
  VirtualMachineTemplateVersion,
  VirtualMachineTemplate,
  ClusterNetwork,
  VlanConfig,
  IPPool,
  LoadBalancer,
  NetworkAttachmentDefinition,
  BlockDevice,
  MigConfiguration,
  PCIDeviceClaim,
  PCIDevice,
  SRIOVGPUDevice,
  SRIOVNetworkDevice,
  USBDeviceClaim,
  USBDevice,
  VGPUDevice,
  DeviceNode,
  VolumeRemoteBackup,
  VolumeRemoteRestore,
  LVMVolumeGroup,
  NetworkFilesystem,
  VlanStatus,
  LinkMonitor,
  HostNetworkConfig,
]
