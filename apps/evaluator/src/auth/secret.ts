/** Keys as callers hold them: `ose_ID_SECRET`, the secret 256 random bits. The service keeps its SHA-256 alone. */
import type { KeyRecord, Role } from '../store/keys.ts';

const FORM = /^ose_([0-9a-f]{16})_([0-9A-Za-z_-]{43})$/;

export interface KeyScope {
  readonly role: Role;
  readonly challengeId: string | null;
  readonly team: string | null;
  readonly expiresAt: string | null;
}

/** The id of a key to come: 16 hexadecimal digits. */
export const newKeyId = (): string => hex(crypto.getRandomValues(new Uint8Array(8)));

/** A new key: what the caller gets to see, once, and what is stored of it. */
export async function makeKey(scope: KeyScope, id = newKeyId()): Promise<{ key: string; record: KeyRecord }> {
  const secret = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const record = {
    ...scope,
    id,
    secretHash: await hashOf(secret),
    createdAt: new Date().toISOString(),
    revokedAt: null,
  };
  return { key: `ose_${id}_${secret}`, record };
}

/** What is stored of a key that was made elsewhere. Throws where the text is no key. */
export async function recordOf(key: string, scope: KeyScope): Promise<KeyRecord> {
  const read = await readKey(key);
  if (!read) throw new Error("the owner's key is none; `pnpm evaluator key` makes one");
  return { ...scope, ...read, createdAt: new Date().toISOString(), revokedAt: null };
}

/** The id and the secret's hash of a key; null where the text is no key. */
export async function readKey(key: string): Promise<{ id: string; secretHash: string } | null> {
  const parts = FORM.exec(key);
  return parts && { id: parts[1], secretHash: await hashOf(parts[2]) };
}

/** Whether two hashes are the same, in a time that does not depend on where they differ. */
export function isSameHash(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

async function hashOf(secret: string): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret))));
}

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
