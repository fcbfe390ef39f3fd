import { createContext, useContext } from 'react'
import type { Api } from './api.ts'
import type { Operator } from './operator.ts'

export interface ConsoleValue {
  api: Api
  operator: Operator
  logOut(): void
}

export const ConsoleContext = createContext<ConsoleValue | undefined>(undefined)

export function useConsole(): ConsoleValue {
  const value = useContext(ConsoleContext)
  if (value === undefined) throw new Error('nobody is logged in above this component')
  return value
}

export function useApi(): Api {
  return useConsole().api
}

/** Whether the key of the operator has a scope. */
export function useMay(): (scope: string) => boolean {
  const { operator } = useConsole()
  return scope => operator.scopes.has(scope)
}
