// The seeded generator of src/attend/draws.py, line by line; tests/js compares the two.

const STEP = 0x9e3779b9;

function mix(x) {
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

export function uniforms(seed, n) {
  const result = new Array(n);
  for (let i = 0; i < n; i += 1) {
    result[i] = (mix((Math.imul(i + 1, STEP) + seed) | 0) + 0.5) / 2 ** 32;
  }
  return result;
}

// Box-Muller: two uniform numbers make two normal ones.
export function normals(seed, n) {
  const u = uniforms(seed, n + (n % 2));
  for (let i = 0; i < n; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(u[i]));
    const angle = 2 * Math.PI * u[i + 1];
    u[i] = radius * Math.cos(angle);
    u[i + 1] = radius * Math.sin(angle);
  }
  u.length = n;
  return u;
}

// FNV-1a over the UTF-8 bytes of "seed/role/token".
export function tokenSeed(token, role, seed) {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`${seed}/${role}/${token}`)) {
    value = Math.imul(value ^ byte, 0x01000193);
  }
  return value >>> 0;
}

const drawn = new Map();
const KEPT = 4096;

// Draws have the prefix property, so one long vector serves every smaller d_k.
function vector(seed, d_k) {
  if ((drawn.get(seed)?.length ?? -1) < d_k) {
    if (drawn.size >= KEPT) drawn.clear();
    drawn.set(seed, normals(seed, Math.max(d_k, 512)));
  }
  const kept = drawn.get(seed);
  return kept.length === d_k ? kept : kept.slice(0, d_k);
}

export function tokenVectors(tokens, role, d_k, seed) {
  return tokens.map((token) => vector(tokenSeed(token, role, seed), d_k));
}
