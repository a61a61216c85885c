/**
 * What is declared for clients' sake but not built yet, each as one sentence that names what is missing and what to do
 * instead. Actions, subresources and conditions give these sentences; who builds one removes its line and all that use it.
 */
export const notBuilt = {
  migration: 'live migration is not available in this version; stop the machine and start it on the other node',
  backups:
    'backups and snapshots of virtual machines are not available in this version; clone the machine or export its volumes to images',
  restores: 'virtual machines cannot be restored from backups in this version; nothing was changed',
  schedules: 'scheduled backups and snapshots are not available in this version; no backup will be made',
  imageFiles:
    'files of images are not prepared for download in this version; get the file from the subresource download of the image',
  encryptedMemory: 'encrypted guest memory (SEV) is not available in this version; leave launchSecurity out',
} as const
