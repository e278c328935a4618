// brand.tsx - The mark of the product: a meter's arc around a bolt.
export function Brand({ size = 24 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" aria-hidden>
      <path d="M6 19.2a9.4 9.4 0 1 1 12 0" strokeWidth="2.2" strokeLinecap="round" />
      <path d="M13.4 6.8 8.6 13h2.9l-.9 5.2L15.4 12h-2.9z" fill="currentColor" stroke="none" />
    </svg>
  );
}
