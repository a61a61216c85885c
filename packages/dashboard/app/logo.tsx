/** The product's name with its sign. */
export function Logo({ small = false }: { small?: boolean }) {
  return (
    <span className={small ? 'th-logo th-logo-small' : 'th-logo'}>
      <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
        <rect width="32" height="32" rx="7" />
        <path d="M7 10h18M16 10v14" />
        <path className="th-logo-ears" d="M9 18c2.4 0 2.4 3 4.8 3M23 18c-2.4 0-2.4 3-4.8 3" />
      </svg>
      <span>Thresher</span>
    </span>
  )
}
