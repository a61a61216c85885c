declare module '@novnc/novnc' {
  /** noVNC's client of the RFB protocol. @see its docs/API.md */
  // oxlint-disable-next-line import/no-default-export -- it is noVNC's
  export default class RFB extends EventTarget {
    constructor(target: HTMLElement, url: string, options?: { shared?: boolean; wsProtocols?: string[] })
    scaleViewport: boolean
    background: string
    focusOnClick: boolean
    disconnect(): void
    focus(): void
    sendKey(keysym: number, code: string | null, down?: boolean): void
    sendCtrlAltDel(): void
    toBlob(callback: (blob: Blob | null) => void, type?: string): void
  }
}
