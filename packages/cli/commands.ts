import type { Command } from './command.ts'
import {
  backupsCreate,
  backupsDelete,
  backupsKey,
  backupsList,
  backupsRestore,
  backupsTarget,
  backupsVerify,
} from './commands/backups.ts'
import { completionCommand } from './commands/completion.ts'
import { demo } from './commands/demo.ts'
import { down } from './commands/down.ts'
import { imageDownload, imageImport, imageList, imageUpload } from './commands/image.ts'
import { clusterStatus } from './commands/cluster.ts'
import { join } from './commands/join.ts'
import { labDown, labUp } from './commands/lab.ts'
import { nodeList } from './commands/node.ts'
import { vmPort } from './commands/vm-port.ts'
import { tokenCreate, tokenDelete, tokenList } from './commands/token.ts'
import { kubeconfig } from './commands/kubeconfig.ts'
import { agent, server } from './commands/programs.ts'
import { snapshotCreate, snapshotDelete, snapshotList, snapshotRestore, vmClone } from './commands/snapshot.ts'
import { status } from './commands/status.ts'
import { backup, restore, rotateEncryptionKey } from './commands/store.ts'
import { test } from './commands/test.ts'
import { up } from './commands/up.ts'
import {
  templateCreate,
  templateDelete,
  templateList,
  templateSetDefault,
  templateVersions,
} from './commands/template.ts'
import { vmConsole } from './commands/vm/console.ts'
import { vmCreate } from './commands/vm/create.ts'
import { vmDelete } from './commands/vm/delete.ts'
import { vmExplain } from './commands/vm/explain.ts'
import { vmList } from './commands/vm/list.ts'
import { vmRestart, vmStart, vmStop } from './commands/vm/power.ts'
import { vmSsh } from './commands/vm/ssh.ts'
import { vmGuestInfo } from './commands/vm-guest-info.ts'
import { vmGuestOperations } from './commands/vm-guest.ts'
import { vmAddDisk, vmEjectCd, vmInsertCd, vmRemoveDisk } from './commands/vm-volume.ts'
import { vmLog, vmScreenshot, vmType } from './commands/vm-screen.ts'
import { vmTop } from './commands/vm-top.ts'
import { volumeCreate, volumeDelete, volumeExport, volumeList, volumeResize, volumeSpace } from './commands/volume.ts'

/** Every command, in the order in which `--help` shows them. */
export const commands: Command[] = [
  demo,
  up,
  join,
  down,
  status,
  vmList,
  vmExplain,
  vmTop,
  vmCreate,
  vmStart,
  vmStop,
  vmRestart,
  ...vmGuestOperations,
  vmGuestInfo,
  vmAddDisk,
  vmRemoveDisk,
  vmInsertCd,
  vmEjectCd,
  vmClone,
  vmDelete,
  vmConsole,
  vmLog,
  vmScreenshot,
  vmType,
  vmSsh,
  vmPort,
  templateList,
  templateVersions,
  templateCreate,
  templateSetDefault,
  templateDelete,
  snapshotList,
  snapshotCreate,
  snapshotRestore,
  snapshotDelete,
  backupsList,
  backupsCreate,
  backupsRestore,
  backupsVerify,
  backupsDelete,
  backupsTarget,
  backupsKey,
  volumeList,
  volumeSpace,
  volumeCreate,
  volumeResize,
  volumeExport,
  volumeDelete,
  imageList,
  imageImport,
  imageUpload,
  imageDownload,
  clusterStatus,
  nodeList,
  tokenCreate,
  tokenList,
  tokenDelete,
  labUp,
  labDown,
  kubeconfig,
  backup,
  restore,
  rotateEncryptionKey,
  completionCommand(() => commands),
  server,
  agent,
  test,
]
