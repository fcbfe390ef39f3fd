import { expect, test } from 'vitest'
import { parseLag } from './view-lag.ts'

test('[BN6] lag gauges are added up by view or role', () => {
  const text = `# HELP packlog_view_lag_records records
# TYPE packlog_view_lag_records gauge
packlog_view_lag_records{view="history",partition="0"} 3
packlog_view_lag_records{view="history",partition="1"} 4
packlog_view_lag_records{partition="0",view="archive"} 0
packlog_sequencer_lag_packs{partition="0"} 1
packlog_sequencer_lag_packs{partition="1"} 1.5e+1
packlog_gateway_lag_events 2
packlog_gateway_connections 9
`
  expect(Object.fromEntries(parseLag(text))).toEqual({ history: 7, archive: 0, sequencer: 16, gateway: 2 })
})
