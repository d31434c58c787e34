import { DownloadOutlined, UploadOutlined } from '@ant-design/icons';
import { Button } from 'antd';
import { useState } from 'react';
import { MayChange } from '../../access.tsx';
import { useShowError } from '../../show-error.ts';
import { useTexts } from '../../texts/texts.tsx';
import { ImportModal } from './import-modal.tsx';
import { exportedRules } from './use-rule-file.ts';

const FORMATS = ['yaml', 'json'] as const;

/** Takes all rules out as a file, and brings one in. */
export function RuleFileButtons() {
  const { t } = useTexts();
  const showError = useShowError();
  const [isImporting, setImporting] = useState(false);
  const save = async (format: (typeof FORMATS)[number]) => {
    try {
      download(`rules.${format}`, await exportedRules(format));
    } catch (error) {
      showError(error);
    }
  };
  return (
    <>
      {FORMATS.map((format) => (
        <Button key={format} icon={<DownloadOutlined />} onClick={() => void save(format)}>
          {t('ruleFile.export', { format: format.toUpperCase() })}
        </Button>
      ))}
      <MayChange>
        <Button icon={<UploadOutlined />} onClick={() => setImporting(true)}>
          {t('ruleFile.import')}
        </Button>
      </MayChange>
      <ImportModal isOpen={isImporting} onClose={() => setImporting(false)} />
    </>
  );
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text]));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
