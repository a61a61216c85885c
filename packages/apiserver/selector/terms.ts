import { ApiError } from '@thresher/api/error'
import { sizes } from '../limits/sizes.ts'

/** Each condition of a selector is tried on each object, so there may be few. @throws {ApiError} BadRequest */
export function requireFew(terms: number): void {
  if (terms > sizes.selectorTerms)
    throw new ApiError(
      'BadRequest',
      `a selector may have ${sizes.selectorTerms} conditions at most; choose with "in (…)", or in several requests`,
    )
}
