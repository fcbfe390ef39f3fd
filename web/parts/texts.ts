const en = {
  today: 'Today',
  yesterday: 'Yesterday',
  close: 'Close',
  somethingWrong: 'Something went wrong',
  reload: 'Reload',
  cancel: 'Cancel',
  logIn: 'Log in',
  typeToConfirm: 'Type {text} to confirm',
} as const

const zh: Record<keyof typeof en, string> = {
  today: '今天',
  yesterday: '昨天',
  close: '关闭',
  somethingWrong: '出了点问题',
  reload: '重新加载',
  cancel: '取消',
  logIn: '登录',
  typeToConfirm: '输入 {text} 以确认',
}

/** What the parts say that all apps have. */
export const sharedTexts = { en, zh }
