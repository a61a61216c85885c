import { XMLParser } from 'fast-xml-parser'
import { matches } from '@thresher/api/matches'
import { Type } from '@thresher/api/type'
import { ObjectError, type ListedObject } from './object-store.ts'

// Numbers stay text: a key may look like one.
const parser = new XMLParser({ parseTagValue: false, isArray: (name) => name === 'Contents' })

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
const Listing = Type.Object({
  ListBucketResult: Type.Object({
    IsTruncated: Type.Optional(Type.String()),
    NextContinuationToken: Type.Optional(Type.String()),
    Contents: Type.Optional(Type.Array(Type.Object({ Key: Type.String(), Size: Type.String() }))),
  }),
})

/** One page of a bucket's listing. @throws {ObjectError} when it is none */
export function parseListing(xml: Buffer): { objects: ListedObject[]; next: string | undefined } {
  let document: unknown
  try {
    document = parser.parse(xml)
  } catch (error) {
    throw new ObjectError('Failed', 'the target answers a listing with something that is no XML', { cause: error })
  }
  if (!matches(Listing, document))
    throw new ObjectError(
      'Failed',
      'the target answers a listing with something else; check that the endpoint is one of S3',
    )
  const { IsTruncated, NextContinuationToken, Contents = [] } = document.ListBucketResult
  return {
    objects: Contents.map(({ Key, Size }) => ({ key: Key, bytes: Number(Size) })),
    next: IsTruncated === 'true' ? NextContinuationToken : undefined,
  }
}
