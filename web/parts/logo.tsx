export function Logo({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 64 64" aria-hidden="true">
      <rect width="64" height="64" rx="16" fill="#4c5fd5" />
      <path d="M16 22h32M16 32h32M16 42h18" stroke="#fff" strokeWidth="6" strokeLinecap="round" />
    </svg>
  )
}
