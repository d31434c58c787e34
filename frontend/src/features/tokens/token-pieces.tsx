import type { TokenizeResponse } from '@ai-gateway/contracts';
import { Tooltip, Typography, theme } from 'antd';
import { type CSSProperties, memo, type PointerEvent, useState } from 'react';
import { useTexts } from '../../texts/texts.tsx';
import { visibleParts } from './visible-parts.ts';

type Tokens = TokenizeResponse['tokens'];

/** More pieces than this make the page slow. */
const MAX_PIECES = 2_000;

const HUES = ['blue', 'gold', 'green', 'magenta', 'cyan'] as const;

/** A token that is pointed at, and where its piece is. */
interface Pointed {
  readonly id: number;
  readonly place: CSSProperties;
}

/** A text cut where its tokens meet. */
export function TokenPieces({ tokens }: { readonly tokens: Tokens }) {
  const { t } = useTexts();
  const { token } = theme.useToken();
  const [pointed, setPointed] = useState<Pointed>();
  const hidden = tokens.length - MAX_PIECES;
  return (
    <>
      <section
        aria-label={t('tokens.pieces')}
        onPointerOver={(event) => setPointed(pointedAt(event, tokens))}
        onPointerLeave={() => setPointed(undefined)}
        style={{
          position: 'relative',
          fontFamily: token.fontFamilyCode,
          lineHeight: 1.9,
          whiteSpace: 'pre-wrap',
          overflowWrap: 'anywhere',
          maxHeight: 480,
          overflowY: 'auto',
        }}
      >
        <Pieces tokens={tokens} />
        {pointed && (
          // One for all: two thousand tooltips take a second to make.
          <Tooltip key={JSON.stringify(pointed)} open title={t('tokens.piece', { id: pointed.id })}>
            <span style={{ position: 'absolute', pointerEvents: 'none', ...pointed.place }} />
          </Tooltip>
        )}
      </section>
      {hidden > 0 && (
        <Typography.Text type="secondary">{t('tokens.more', { count: hidden.toLocaleString() })}</Typography.Text>
      )}
    </>
  );
}

/** The token whose piece is under the pointer. */
function pointedAt({ target }: PointerEvent, tokens: Tokens): Pointed | undefined {
  const piece = target instanceof Element ? target.closest<HTMLElement>('[data-index]') : null;
  const found = tokens[Number(piece?.dataset.index ?? Number.NaN)];
  if (piece === null || found === undefined) return undefined;
  const { offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height } = piece;
  return { id: found.id, place: { left, top, width, height } };
}

/** Remembered, as are the pieces: neither pointing nor typing changes many of them. */
const Pieces = memo(function Pieces({ tokens }: { readonly tokens: Tokens }) {
  const { token } = theme.useToken();
  return tokens.slice(0, MAX_PIECES).map(({ text }, index) => (
    <Piece
      // biome-ignore lint/suspicious/noArrayIndexKey: a token has no other identity than its place
      key={index}
      index={index}
      text={text}
      background={token[`${HUES[index % HUES.length] ?? 'blue'}-3`]}
      markColor={token.colorTextSecondary}
      borderRadius={token.borderRadiusSM}
    />
  ));
});

interface PieceProps {
  readonly index: number;
  readonly text: string;
  readonly background: string;
  readonly markColor: string;
  readonly borderRadius: number;
}

const Piece = memo(function Piece({ index, text, background, markColor, borderRadius }: PieceProps) {
  return (
    <span data-index={index} style={{ background, borderRadius, padding: '2px 0' }}>
      {visibleParts(text).map((part, place) =>
        part.isMark ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text have no other identity than their place
          <span key={place} style={{ color: markColor }}>
            <wbr />
            {part.text}
          </span>
        ) : (
          part.text
        ),
      )}
    </span>
  );
});
