import { createContext, type ReactNode, use } from 'react';
import type { Schemas } from './api/client.ts';

export type Session = Schemas['Session'];
export type Role = Session['role'];

const Context = createContext<Role>('viewer');

/** Tells everything below which role is logged in. The server decides; this only hides what it would refuse. */
export function RoleProvider({ role, children }: { readonly role: Role; readonly children: ReactNode }) {
  return <Context value={role}>{children}</Context>;
}

/** The role that is logged in. */
export const useRole = () => use(Context);

export interface MayChangeProps {
  /** What others see. */
  readonly otherwise?: ReactNode;
  readonly children: ReactNode;
}

/** Shows its children to those who may change what the page shows. */
export function MayChange({ otherwise = null, children }: MayChangeProps) {
  return useRole() === 'viewer' ? otherwise : children;
}
