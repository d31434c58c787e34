import { createContext, type ReactNode, use, useState } from 'react';
import { en, type TextKey } from './en.ts';
import { zh } from './zh.ts';

export type Language = 'en' | 'zh';

/** The text of a key, with `{name}` replaced by values. */
export type Translate = (key: TextKey, values?: Readonly<Record<string, string | number>>) => string;

interface Texts {
  readonly language: Language;
  readonly setLanguage: (language: Language) => void;
  readonly t: Translate;
}

const STORED = 'language';
const tables: Readonly<Record<Language, Readonly<Record<TextKey, string>>>> = { en, zh };

const Context = createContext<Texts>({ language: 'en', setLanguage: () => {}, t: translator('en') });

/** Gives the page its language: the one chosen last, else the browser's. */
export function TextsProvider({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(initialLanguage);
  const choose = (chosen: Language) => {
    localStorage.setItem(STORED, chosen);
    setLanguage(chosen);
  };
  return <Context value={{ language, setLanguage: choose, t: translator(language) }}>{children}</Context>;
}

/** Texts in the chosen language. */
export function useTexts(): Texts {
  return use(Context);
}

export function translator(language: Language): Translate {
  return (key, values = {}) =>
    tables[language][key].replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

function initialLanguage(): Language {
  const stored = localStorage.getItem(STORED);
  if (stored === 'en' || stored === 'zh') return stored;
  return navigator.language.startsWith('zh') ? 'zh' : 'en';
}
