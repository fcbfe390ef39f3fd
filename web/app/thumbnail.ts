/**
 * A picture of somebody, small enough to be part of their profile: a square from its middle, as a data URL. The sizes
 * and qualities are tried from the best on until one fits.
 */

/** What a profile and a group take, in bytes. */
export const PICTURE_BYTES_MAX = 2_048
const SIDES = [96, 80, 64, 48, 40, 32]
const QUALITIES = [0.8, 0.6, 0.4, 0.2]
/** The second one is for browsers that cannot write the first. */
const TYPES = ['image/webp', 'image/jpeg']

/** Rejects when the browser cannot read the file as a picture. */
export async function thumbnail(file: Blob): Promise<string> {
  const picture = await createImageBitmap(file)
  try {
    for (const side of SIDES) {
      const canvas = square(picture, side)
      for (const quality of QUALITIES) {
        const urls = TYPES.map(type => canvas.toDataURL(type, quality))
        const fits = urls.find((url, at) => url.startsWith(`data:${TYPES[at]}`) && url.length <= PICTURE_BYTES_MAX)
        if (fits !== undefined) return fits
      }
    }
    throw new Error('the picture does not fit')
  } finally {
    picture.close()
  }
}

function square(picture: ImageBitmap, side: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = side
  canvas.height = side
  const cut = Math.min(picture.width, picture.height)
  const context = canvas.getContext('2d')!
  context.imageSmoothingQuality = 'high'
  context.drawImage(picture, (picture.width - cut) / 2, (picture.height - cut) / 2, cut, cut, 0, 0, side, side)
  return canvas
}
