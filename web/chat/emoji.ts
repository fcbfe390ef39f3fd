/** Offered at every message. */
export const QUICK_EMOJI = ['👍', '❤️', '😂', '😮', '😢', '🎉', '🙏', '👀'] as const

/** The picker's groups: the ones that people use, not all that there are. */
export const EMOJI_GROUPS: readonly (readonly string[])[] = [
  [...'😀😃😄😁😆😅🤣😂🙂😉😊😇🥰😍🤩😘😋😛😜🤪🤔🤨😐😏🙄😬😌😴🤒🤯🥳😎🤓😕😟😮😳🥺😢😭😱😤😡🤬😈💀🤡👻👽🤖'],
  [...'👋🖐✋👌🤌🤏✌🤞🤟🤘🤙👈👉👆👇☝👍👎✊👊👏🙌🤝🙏💪👀🧠👶🧒👩👨👵👴🙋🤷🤦🏃💃🕺👪'],
  [...'❤🧡💛💚💙💜🖤🤍💔💕💯💥💫💦💬💤🔥✨⭐🌟🎉🎊🎁🏆🥇🚀⏰📅📌📎📷💻📱💡🔑🔒✅❌❓❗'],
  [...'🐶🐱🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧🐦🦆🦉🐝🦋🐢🐙🐬🐳🌸🌻🌳🌵🍎🍌🍓🍑🥑🍕🍔🍟🌮🍜🍣🍰🍫☕🍵🍺🍷☀🌈⛄🌊'],
]
