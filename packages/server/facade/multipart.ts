import { ApiError } from '@thresher/api/error'

const mostHeadBytes = 16 * 1024
const blankLine = Buffer.from('\r\n\r\n')

/**
 * The bytes of the first file in a form, as browsers send it; what follows it is not read. Holds no more than a few pieces.
 *
 * @param contentType of the request, with the boundary
 * @throws {ApiError} BadRequest when it is no form, has no file, or ends in the middle
 * @see RFC 7578, RFC 2046 section 5.1.1
 */
export async function* fileOfForm(body: AsyncIterable<Buffer>, contentType: string): AsyncGenerator<Buffer> {
  const boundary = /^multipart\/form-data\s*;.*\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType)
  if (!boundary) throw new ApiError('BadRequest', 'the body must be multipart/form-data with a boundary')
  const delimiter = Buffer.from(`\r\n--${boundary[1] ?? boundary[2]}`)
  const pieces = body[Symbol.asyncIterator]()
  // The first boundary may stand at the very beginning, without the line end that belongs to the others.
  let rest: Buffer = Buffer.from('\r\n')
  const more = async (): Promise<boolean> => {
    const next = await pieces.next()
    if (next.done) return false
    rest = rest.length === 0 ? next.value : Buffer.concat([rest, next.value])
    return true
  }
  /** Drop everything up to and with a mark. */
  const skipTo = async (mark: Buffer): Promise<Buffer> => {
    for (;;) {
      const at = rest.indexOf(mark)
      if (at >= 0) {
        const before = rest.subarray(0, at)
        rest = rest.subarray(at + mark.length)
        return before
      }
      if (rest.length > mostHeadBytes) throw new ApiError('BadRequest', 'the form has too much before its file')
      if (!(await more())) throw new ApiError('BadRequest', 'the form has no file')
    }
  }
  await skipTo(delimiter)
  for (;;) {
    const head = (await skipTo(blankLine)).toString('latin1')
    if (head.startsWith('--')) throw new ApiError('BadRequest', 'the form has no file')
    if (/content-disposition:[^\r]*\bfilename\*?=/i.test(head)) break
    await skipTo(delimiter)
  }
  for (;;) {
    const at = rest.indexOf(delimiter)
    if (at >= 0) {
      if (at > 0) yield rest.subarray(0, at)
      return
    }
    // The delimiter may begin in what is held and end in what is to come.
    const sure = Math.max(0, rest.length - delimiter.length + 1)
    if (sure > 0) yield rest.subarray(0, sure)
    rest = rest.subarray(sure)
    if (!(await more())) throw new ApiError('BadRequest', 'the form ended in the middle of its file')
  }
}
