import { useQuery } from '@tanstack/react-query';
import { Result, Spin } from 'antd';
import { Link, Navigate, useLocation } from 'react-router';
import { finishOidc } from '../../api/session.ts';
import { useTexts } from '../../texts/texts.tsx';

/** Where the OIDC provider sends the browser back to: trades its answer, once, for a session. */
export function OidcPage() {
  const { t } = useTexts();
  const query = useLocation().search.slice(1);
  const login = useQuery({
    queryKey: ['oidc', query],
    queryFn: () => finishOidc(query),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  if (login.isPending) return <Spin fullscreen />;
  if (login.isSuccess) return <Navigate to="/" replace />;
  const back = <Link to="/login">{t('login.again')}</Link>;
  return <Result status="error" title={t('login.failed')} subTitle={login.error.message} extra={back} />;
}
