// silhouette.tsx - A single-line diagram as decoration: the same for everybody and telling nothing about
// the complex before the sign-in.

const COLUMNS = [4, 4, 3];
const ROWS = 14;

/** Filled here and there, always alike: a small hash of the place. */
const isFilled = (group: number, column: number, row: number, cell: number): boolean =>
  ((group * 73 + column * 151 + row * 37 + cell * 97) * 2654435761) % 7 < 3;

function Feeder({ group, column, x }: { readonly group: number; readonly column: number; readonly x: number }) {
  const cells = [];
  for (let row = 0; row < ROWS; row += 1) {
    for (let cell = 0; cell < 3; cell += 1) {
      cells.push(
        <rect
          key={`${row}.${cell}`}
          x={x - 16 + cell * 12}
          y={226 + row * 12.4}
          width="8.6"
          height="8.6"
          rx="2"
          fill={isFilled(group, column, row, cell) ? 'currentColor' : 'none'}
          stroke="currentColor"
        />,
      );
    }
  }
  return (
    <g>
      <path d={`M${x} 180v38`} />
      {cells}
    </g>
  );
}

export function Silhouette() {
  const centres = [100, 290, 480];
  return (
    <svg viewBox="0 0 580 420" width="560" fill="none" stroke="currentColor" strokeWidth="1.4">
      <path d="M290 8v48" strokeWidth="2.4" />
      <path d="M36 56h508" strokeWidth="3" />
      {centres.map((x, group) => {
        const columns = COLUMNS[group] ?? 3;
        return (
          <g key={x}>
            <path d={`M${x} 56v60M${x} 150v30`} strokeWidth="1.8" />
            <circle cx={x} cy="126" r="11" strokeWidth="1.8" />
            <circle cx={x} cy="140" r="11" strokeWidth="1.8" />
            <path d={`M${x - 85} 180h170`} strokeWidth="2.6" />
            {Array.from({ length: columns }, (_, column) => (
              <Feeder key={column} group={group} column={column} x={x + (column - (columns - 1) / 2) * 43} />
            ))}
          </g>
        );
      })}
    </svg>
  );
}
