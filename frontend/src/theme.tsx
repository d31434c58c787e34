import { App, ConfigProvider, theme } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import { createContext, type ReactNode, use, useState } from 'react';
import { useTexts } from './texts/texts.tsx';

interface Theme {
  readonly isDark: boolean;
  readonly setDark: (isDark: boolean) => void;
}

const STORED = 'theme';
const Context = createContext<Theme>({ isDark: false, setDark: () => {} });

/** Light or dark, as chosen last or as the system has it, and antd's own texts in the page's language. */
export function ThemeProvider({ children }: { readonly children: ReactNode }) {
  const [isDark, setDark] = useState(initiallyDark);
  const { language } = useTexts();
  const choose = (dark: boolean) => {
    localStorage.setItem(STORED, dark ? 'dark' : 'light');
    setDark(dark);
  };
  return (
    <Context value={{ isDark, setDark: choose }}>
      <ConfigProvider
        locale={language === 'zh' ? zhCN : enUS}
        theme={{
          algorithm: isDark ? theme.darkAlgorithm : theme.defaultAlgorithm,
          token: { motion: !matchMedia('(prefers-reduced-motion: reduce)').matches },
        }}
      >
        <App>{children}</App>
      </ConfigProvider>
    </Context>
  );
}

/** The chosen theme. */
export function useTheme(): Theme {
  return use(Context);
}

function initiallyDark(): boolean {
  const stored = localStorage.getItem(STORED);
  return stored === null ? matchMedia('(prefers-color-scheme: dark)').matches : stored === 'dark';
}
