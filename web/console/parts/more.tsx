import { Button, Center } from '@mantine/core'
import { useText } from '../app/i18n.ts'
import type { AskedPages } from '../app/use-pages.ts'

/** Goes on with a list, where it goes on. */
export function More<Row>({ of: asked }: { of: AskedPages<Row> }) {
  const t = useText()
  if (asked.answer?.next === undefined) return null
  return (
    <Center mt="md">
      <Button variant="default" loading={asked.isAsking} onClick={asked.more}>
        {t('more')}
      </Button>
    </Center>
  )
}
