/**
 * What is declared for clients' sake but not built yet, each as one sentence that names what is missing and what to do
 * instead. Actions, subresources and conditions give these sentences; who builds one removes its line and all that use it.
 */
export const notBuilt = {
  migration: 'live migration is not available in this version; stop the machine and start it on the other node',
  pulledBackups:
    'backups that another program pulls are not available in this version; set backup-target and back the machine up there',
  imageFiles:
    'files of images are not prepared for download in this version; get the file from the subresource download of the image',
  encryptedMemory: 'encrypted guest memory (SEV) is not available in this version; leave launchSecurity out',
} as const
