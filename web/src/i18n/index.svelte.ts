// The language in use, and texts in it. Dictionaries are typed: a missing key does not compile.

import type { Reason } from '../api/types';
import type { Lang } from '../lib/format';
import { en } from './en';
import { type Key, ko } from './ko';
import { type ReasonCode, reasonsEn, reasonsKo } from './reasons';
import { inKorean } from './server-texts';

const langKey = 'gwanje.lang';
const dictionaries: Record<Lang, Record<Key, string>> = { ko, en };
const reasons: Record<Lang, Record<ReasonCode, string>> = { ko: reasonsKo, en: reasonsEn };

function initial(): Lang {
  const stored = localStorage.getItem(langKey);
  if (stored === 'ko' || stored === 'en') return stored;
  return navigator.language.toLowerCase().startsWith('ko') ? 'ko' : 'en';
}

class Language {
  current: Lang = $state(initial());

  set(lang: Lang): void {
    this.current = lang;
    localStorage.setItem(langKey, lang);
    document.documentElement.lang = lang;
  }
}

export const language = new Language();
document.documentElement.lang = language.current;

export type Params = Record<string, string | number>;

/** The text of a key in the language in use, `{name}` replaced. */
export function t(key: Key, params: Params = {}): string {
  return dictionaries[language.current][key].replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in params ? String(params[name]) : whole,
  );
}

/** The text of a key built from data (`word.cover.1`), or the fallback where there is none. */
export function lookup(key: string, fallback: Key, params: Params = {}): string {
  return Object.hasOwn(ko, key) ? t(key as Key, params) : t(fallback, params);
}

/** A sentence of the tower's own, in the language in use where it is known in it. */
export function serverText(english: string): string {
  return (language.current === 'ko' && inKorean(english)) || english;
}

/** One sentence for a reason: ours where the code is known, else the server's. */
export function reasonTitle(reason: Reason): string {
  const known = reasons[language.current];
  if (Object.hasOwn(known, reason.code)) return known[reason.code as ReasonCode];
  return inOwnKorean(reason) ?? serverText(reason.message);
}

/** The tower's own Korean sentence; beside a device's code the text is the meaning of that code. */
function inOwnKorean(reason: Reason): string | null {
  const isOwn = (reason.device_code ?? null) === null;
  return (language.current === 'ko' && isOwn && reason.message_ko) || null;
}

/**
 * A reason in full: the tower's own sentence, which says more than the title, in the language in
 * use; beside a device's code the title, and what the code means.
 */
export function reasonInFull(reason: Reason): { text: string; detail: string | null } {
  const code = reason.device_code ?? null;
  const coded = code === null ? null : t('cmd.device_code', { code });
  const title = reasonTitle(reason);
  if (language.current === 'en') return { text: sentence(reason.message) || title, detail: null };
  const own = inOwnKorean(reason);
  if (own) return { text: own, detail: null };
  if (reason.message_ko) {
    return { text: title, detail: [reason.message_ko, coded].filter(Boolean).join(' · ') };
  }
  // A sentence of a known code is left out rather than shown in English.
  return { text: inKorean(reason.message) ?? title, detail: coded };
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Why a button is disabled: the console's own reasons first, then the server's codes. */
export function blockedText(code: string): string {
  const own = `blocked.${code}`;
  return Object.hasOwn(ko, own) ? t(own as Key) : reasonTitle({ code, message: code });
}

/** A DJI method in words; the bare name where there are none. */
export function methodText(method: string): string {
  const key = `method.${method}`;
  return Object.hasOwn(ko, key) ? t(key as Key) : method;
}
